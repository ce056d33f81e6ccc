package import Model
internal import Platform
internal import Storage
internal import Store
internal import Transfer

/// One download for all servers of a storage.
extension Mirror {
    /// Downloads files that no other server has put into the storage, while no other downloads them. While another one does,
    /// `body` gets a relay, which has their bytes. Over a store the server is alone.
    func alone(
        _ files: [Transfers.File], of listing: HubListing, as name: ModelName,
        _ body: ([Transfers.File], Relay?) async throws -> Void
    ) async throws {
        guard models.isDistant, let first = files.first else { return try await body(files, nil) }
        let complete = Mirror.complete(listing)
        let right = try await right(lease(first, listing), to: files, of: listing, as: name)
        switch right {
        case .done: await publish(name, complete: complete, of: listing.repository)
        case .free(let left):
            try await body(left, nil)
            await publish(name, complete: complete, of: listing.repository)
        case .held(let left, let lease):
            defer { end(lease) }
            try await beside {
                await self.keep(lease, for: left)
            } during: {
                try await body(left, nil)
                await publish(name, complete: complete, of: listing.repository)
            }
        case .others(let left, let relay):
            try await beside {
                await self.follow(relay, left, of: listing, as: name)
            } during: {
                try await body(left, relay)
                // The other server publishes it, if it can.
                try await relay.settled()
                await publish(name, complete: complete, of: listing.repository)
            }
        }
    }

    private func beside(
        _ other: @escaping @Sendable () async -> Void, during body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await other() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    func end(_ lease: BringLease) {
        guard lease.isHeld else { return }
        try? models.registry.forgetRelayed(of: lease)
        models.registry.release(lease)
    }

    private func lease(_ first: Transfers.File, _ listing: HubListing) -> String {
        Mirror.lease(first.listed.path, of: listing.repository, at: listing.commit, from: settings.upstream)
    }

    /// Of small files that come together the requested one names it.
    package static func lease(
        _ path: FilePath, of repository: HubRepository, at commit: String, from upstream: Upstream
    ) -> String {
        SHA256.digest(of: Array("\(upstream)\n\(repository) \(commit) \(path.string)".utf8).span).hex
    }

    private enum Right {
        /// All of them are in the storage.
        case done
        case held([Transfers.File], BringLease)
        /// The storage does not answer.
        case free([Transfers.File])
        /// Another server downloads them.
        case others([Transfers.File], Relay)
    }

    /// Waits for another server only if its bytes would not be believed before all of them are there.
    private func right(
        _ key: String, to files: [Transfers.File], of listing: HubListing, as name: ModelName
    ) async throws -> Right {
        var left = files
        var looks = 0
        var answered: ContinuousClock.Instant?
        while true {
            do {
                let lease = try models.registry.takeLease(key, look: looks)
                // As it is now: no other server downloads it.
                if let brought = try models.registry.broughtAgain(name) {
                    left = try rest(left, of: listing, in: brought)
                }
                if left.isEmpty {
                    if let lease { models.registry.release(lease) }
                    return .done
                }
                if let lease { return .held(left, lease) }
                if case .hub = settings.upstream, left.allSatisfy({ $0.listed.content != nil }) {
                    return .others(left, Relay(key, from: models) { [counts] in counts.relayed.add($0) })
                }
                answered = .now
            } catch let error as CakeError {
                guard error.kind == .network || error.kind == .offline else { throw error }
                guard let last = answered, .now - last < Mirror.longestSilence else { return .free(left) }
            }
            try await Task.sleep(for: settings.look)
            looks += 1
        }
    }

    /// A lease is old after this time.
    static let longestSilence = Duration.seconds(15)

    /// Clients of files that are there read them there.
    private func rest(
        _ files: [Transfers.File], of listing: HubListing, in brought: RegistryStore.Brought
    ) throws -> [Transfers.File] {
        guard let model = HubModels.model(brought) else { return files }
        return try files.filter { listed, _, arriving in
            guard let found = try stored(listed, of: listing, in: model) else { return true }
            models.publish(brought.record.manifest, as: brought)
            arriving.hears(.stored(found, manifest: brought.record.manifest))
            return false
        }
    }
}
