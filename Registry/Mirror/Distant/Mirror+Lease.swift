internal import Model
internal import Platform
internal import Storage
internal import Store
internal import Transfer

/// One download for all servers of a storage.
extension Mirror {
    /// Downloads files that no other server has put into the storage, while no other downloads them. What others put there
    /// meanwhile is not downloaded. Over a store the server is alone.
    func alone(
        _ files: [Transfers.File], of listing: HubListing, as name: ModelName,
        _ body: ([Transfers.File]) async throws -> Void
    ) async throws {
        guard models.isDistant, let first = files.first else { return try await body(files) }
        let key = PeerRing.key(first.listed.path, size: first.listed.size, of: listing.repository, at: listing.commit)
        let text = SHA256.digest(of: Array("\(settings.upstream) \(key)".utf8).span).hex
        let (left, lease) = try await lease(text, for: files, of: listing, as: name)
        let complete = Mirror.complete(listing)
        func bring() async throws {
            if !left.isEmpty { try await body(left) }
            await publish(name, complete: complete, of: listing.repository)
        }
        guard let lease else { return try await bring() }
        defer { models.registry.release(lease) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [settings, models] in
                while !Task.isCancelled {
                    try await Task.sleep(for: settings.renewal)
                    // A failure may pass: the next renewal comes before the lease is old.
                    if try models.registry.renewIfReached(lease) == false { return }
                }
            }
            defer { group.cancelAll() }
            try await bring()
        }
    }

    /// Waits until this server may download the files that are left. Without an answer of the storage it may.
    private func lease(
        _ key: String, for files: [Transfers.File], of listing: HubListing, as name: ModelName
    ) async throws -> (left: [Transfers.File], lease: BringLease?) {
        var left = files
        var looks = 0
        var answered: ContinuousClock.Instant?
        while true {
            do {
                let lease = try models.registry.takeLease(key, isTimed: looks % 3 == 0)
                // As it is now that nobody else downloads it.
                if let brought = try models.registry.broughtAgain(name) { left = try rest(left, of: listing, in: brought) }
                if left.isEmpty {
                    if let lease { models.registry.release(lease) }
                    return ([], nil)
                }
                if let lease { return (left, lease) }
                answered = .now
            } catch let error as CakeError {
                guard error.kind == .network || error.kind == .offline else { throw error }
                guard let last = answered, .now - last < Mirror.longestSilence else { return (left, nil) }
            }
            try await Task.sleep(for: settings.look)
            looks += 1
        }
    }

    /// A lease is old after this time.
    private static let longestSilence = Duration.seconds(15)

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
