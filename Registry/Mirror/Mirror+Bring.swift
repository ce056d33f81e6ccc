public import Model
internal import Platform
internal import Remote
public import Storage
internal import Store
public import Transfer

extension Mirror {
    /// Where a file's bytes are.
    public enum Found: Sendable {
        /// In a model that is here.
        case here(Manifest.File, HubModels.Model)
        case arriving(ArrivingFile)
    }

    /// From the store, else from a running transfer; the first request starts it.
    public func file(_ file: SnapshotFile, of listing: HubListing, for asker: UpstreamIdentity) throws -> Found {
        let name = try name(for: listing)
        used(name.name)
        // Before the store is checked: a transfer that ends meanwhile is in the store.
        if let known = transfers.file(Transfers.Key(file, listing)) {
            counts.joined.add(1)
            return .arriving(known)
        }
        let here = try models.models(called: name.name)
        for model in here {
            if let found = try stored(file, of: listing, in: model) { return .here(found, model) }
        }
        guard !settings.isOffline else { throw Mirror.offline }
        try settings.gate.refuseUnchecked(
            name.name, from: settings.upstream.source(of: listing.repository), "this mirror does not pass on")
        let (arriving, isNew) = try transfers.join(file, of: listing) {
            try smallFiles(after: file, of: listing, notIn: here)
        } _: { transfer in
            await self.bring(transfer, of: listing, as: name, for: asker)
        }
        (isNew ? counts.transfers : counts.joined).add(1)
        return .arriving(arriving)
    }

    /// Those that are not here, from the file on.
    private func smallFiles(
        after file: SnapshotFile, of listing: HubListing, notIn found: [HubModels.Model]
    ) throws -> [SnapshotFile] {
        var here: Set<FilePath> = []
        for model in found where model.record.commit == listing.commit {
            guard
                let files = models.isDistant
                    ? try? models.manifest(of: model).files : try models.manifest(of: model).files
            else { continue }
            here.formUnion(files.map(\.path))
        }
        let files = listing.snapshot.files
        let start = files.firstIndex { $0.path == file.path } ?? 0
        let others = files[start...].dropFirst() + files[..<start]
        return Array(
            others.lazy.filter { $0.size <= Transfers.small && $0.size > 0 && !here.contains($0.path) }
                .prefix(Mirror.mostAlong))
    }

    private static let mostAlong = 256

    /// Whether some of it was sent to clients that cannot know yet that it was wrong: they must not continue from those
    /// bytes.
    public func isDoubted(_ file: SnapshotFile, of listing: HubListing) -> Bool {
        transfers.isDoubted(Transfers.Key(file, listing))
    }

    /// Ends running transfers. Their bytes stay, and the next request resumes them.
    public func stop() async {
        await transfers.stop()
        await publishing.stop()
        await peers?.stop()
    }

    package func settle() async {
        await peers?.settle()
        await asking.settle()
        await transfers.settle()
        await publishing.settle()
    }

    struct Named {
        let name: ModelName
        let revision: String
    }

    /// A commit is kept under its branch, as a pull would; under its own name if no branch leads to it, or another
    /// model has the branch's name.
    private func name(for listing: HubListing) throws(CakeError) -> Named {
        let repository = listing.repository
        let prefix = repository.kind == .model ? "" : repository.kind.plural + "/"
        let plain = try ModelName(prefix + repository.id)
        func named(_ revision: String) throws(CakeError) -> Named {
            let name = revision == Revision.main ? plain : try ModelName(plain.string + "@" + revision)
            if revision != listing.commit, store.isTaken(name, from: settings.upstream.source(of: repository)) {
                return try named(listing.commit)
            }
            return Named(name: name, revision: revision)
        }
        if let word = revision(leadingTo: listing.commit, of: repository) { return try named(word) }
        if try models.models(called: plain).contains(where: { $0.record.commit == listing.commit }) {
            return try named(Revision.main)
        }
        return try named(listing.revision)
    }

    func stored(
        _ file: SnapshotFile, of listing: HubListing, in model: HubModels.Model
    ) throws -> Manifest.File? {
        guard model.record.commit == listing.commit, !model.record.isPartial,
            let found = try read(file.path, of: model), found.file.size == file.size,
            file.content.map({ $0 == found.content }) ?? true
        else { return nil }
        return found.file
    }

    /// What another storage has lost is downloaded again.
    private func read(_ path: FilePath, of model: HubModels.Model) throws -> HubModels.File? {
        guard models.isDistant else { return try models.file(at: path.string, of: model) }
        return try? models.file(at: path.string, of: model)
    }

    private func bring(
        _ transfer: Transfers.Transfer, of listing: HubListing, as named: Named, for asker: UpstreamIdentity
    ) async {
        var stored: UInt64 = 0
        do {
            if let peers = await copies(for: transfer, of: listing) {
                stored = try await bring(transfer.files, of: listing, as: named, for: asker, near: peers)
                // A peer that downloaded it puts it into another storage itself.
                try await alone(transfer.files, of: listing, as: named.name) { _, _ in }
            } else {
                try await alone(transfer.files, of: listing, as: named.name) { files, relay in
                    stored = try await bring(files, of: listing, as: named, for: asker, near: relay)
                }
            }
        } catch {
            for (_, _, arriving) in transfer.files { arriving.hears(.failed(error)) }
        }
        counts.wrong.add(UInt64(transfer.files.count { $0.arriving.timesWrong > 0 }))
        if stored > 0 { makeRoom(for: stored) }
        transfers.end(transfer)
    }

    private func bring(
        _ files: [Transfers.File], of listing: HubListing, as named: Named, for asker: UpstreamIdentity,
        near servers: (any NearServers)?
    ) async throws -> UInt64 {
        let sender: Transfers.Sender = servers == nil ? .upstream : .peer
        try await transfers.takeTurn(sender)
        defer { transfers.endTurn(sender) }
        do {
            return try await bring(files[...], of: listing, as: named, for: asker, near: servers)
        } catch {
            // A failure of a file that no client requested is ignored.
            guard files.count > 1, !Task.isCancelled else { throw error }
            for (_, _, arriving) in files.dropFirst() { arriving.hears(.failed(error)) }
            files[0].arriving.hears(.askedAgain)
            return try await bring(files.prefix(1), of: listing, as: named, for: asker, near: servers)
        }
    }

    /// Returns the stored bytes.
    private func bring(
        _ files: ArraySlice<Transfers.File>, of listing: HubListing,
        as named: Named, for asker: UpstreamIdentity, near servers: (any NearServers)?
    ) async throws -> UInt64 {
        let source: HubSource
        switch settings.upstream {
        case .hub(let routes): source = self.source(routes, for: asker, listing)
        case .registry(let registry):
            let brought = try await registry.bring(
                files.map { ($0.listed.path, $0.arriving) }, of: listing, as: named.name, into: store)
            counts.fetched.add(brought.fetched)
            return brought.stored
        }
        var options = Pull.Options()
        options.mostConnections = Mirror.mostConnections
        // Equal samples may be of different bytes: clients would get them before this is known.
        options.probing = nil
        options.peers = servers
        for (listed, _, arriving) in files { options.reading[listed.path] = arriving }
        options.readersFirst = readersFirst
        // A base would be a layer of a model with other readers.
        options.usesDeltas = !models.isDistant
        options.mark = listing.isClosed ? .mirroredClosed : .mirrored
        // A listing of the store then says what is missing.
        options.complete = Mirror.complete(listing)
        let snapshot = listing.snapshot.called(named.revision)
        let pull = Pull(from: source, into: store, progress: Progress("mirroring"), options: options)
        let before = servers?.bytes ?? 0
        let report = try await pull(snapshot, files.map(\.listed), as: named.name) { _ in }
        let near = (servers?.bytes ?? 0) - before
        counts.fetched.add(report.bytesFetched - min(near, report.bytesFetched))
        return report.bytesStored
    }

    /// What a whole model has.
    static func complete(_ listing: HubListing) -> [SnapshotFile]? {
        try? WeightSelection().choose(from: listing.snapshot).files
    }

    private static let mostConnections = 8
}
