internal import Model
internal import Platform
internal import Storage
internal import Transfer

/// The two sides of a relay: the server that downloads, and one that waits for it.
extension Mirror {
    /// Renews a lease until the task is cancelled. From the time on at which another server waits, sends it what arrives.
    func keep(_ lease: BringLease, for files: [Transfers.File]) async {
        await withTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            var (looks, isSending) = (0, false)
            while !Task.isCancelled {
                try? await Task.sleep(for: settings.look)
                looks += 1
                // A failure may pass: the next one comes before the lease is old.
                if looks % 3 == 0, (try? models.registry.renewIfReached(lease)) == .some(false) { return }
                if !isSending, (try? models.registry.isAwaited(lease)) == true {
                    isSending = true
                    group.addTask { await self.send(files, as: lease) }
                }
            }
        }
    }

    private func send(_ files: [Transfers.File], as lease: BringLease) async {
        // Those of a server that was killed may end anywhere.
        try? models.registry.forgetRelayed(of: lease)
        for (listed, _, arriving) in files {
            for _ in 0..<2 {
                let round = arriving.timesWrong
                if (try? await send(listed, arriving, as: lease)) != nil { break }
                try? models.registry.forgetRelayed(listed.path, of: lease)
                guard !Task.isCancelled, arriving.timesWrong > round else { break }
            }
        }
    }

    private static let largestPart = 16 << 20
    private static let step = 1 << 20
    /// A part is sent after this time, however small it is.
    private static let longestPart = Duration.seconds(2)

    /// Throws when the bytes so far were wrong, or the storage does not take them.
    private func send(_ listed: SnapshotFile, _ arriving: ArrivingFile, as lease: BringLease) async throws {
        let bytes = ArrivingBytes(0..<listed.size, of: arriving, from: models, holdingBack: false)
        var position: UInt64 = 0
        var part: [UInt8] = []
        var begun = ContinuousClock.now
        while position < listed.size {
            let place = position + UInt64(part.count)
            if place < listed.size, part.count < Mirror.largestPart {
                let left = Mirror.longestPart - (.now - begun)
                let next: [UInt8]?
                do {
                    next =
                        part.isEmpty
                        ? try await bytes.next(from: place, atMost: Mirror.step)
                        : try await within(max(left, .zero), orElse: PartIsDue()) {
                            try await bytes.next(from: place, atMost: Mirror.step)
                        }
                } catch is PartIsDue { next = [] }
                guard let next else { throw CakeError(.damaged, "\(listed.path) was wrong") }
                if part.isEmpty { begun = .now }
                part += next
                if !next.isEmpty { continue }
            }
            try models.registry.relay(part, of: listed.path, at: position, as: lease)
            position += UInt64(part.count)
            part = []
        }
    }

    private struct PartIsDue: Error {}

    /// Follows the server that downloads files: says where their bytes are, and takes over when it was killed. Then it keeps the
    /// lease, until the task is cancelled.
    func follow(_ relay: Relay, _ files: [Transfers.File], of listing: HubListing, as name: ModelName) async {
        var looks = 0
        var answered = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: settings.look)
            looks += 1
            do {
                let lease = try models.registry.takeLease(relay.name, look: looks)
                defer { if let lease { end(lease) } }
                if let model = try published(files, of: listing, as: name) { return relay.become(.there(model)) }
                if let lease {
                    relay.become(.own)
                    await keep(lease, for: files)
                    return
                }
                try relay.look()
                answered = .now
            } catch {
                if .now - answered > Mirror.longestSilence { return relay.become(.own) }
            }
        }
    }

    /// The model in the storage, if it has all of the files now.
    private func published(
        _ files: [Transfers.File], of listing: HubListing, as name: ModelName
    ) throws -> HubModels.Model? {
        guard let brought = try models.registry.broughtAgain(name), let model = HubModels.model(brought) else {
            return nil
        }
        return try files.allSatisfy { try stored($0.listed, of: listing, in: model) != nil } ? model : nil
    }
}
