import Model
import Platform
import Remote
internal import Storage
import Store
import Transfer

extension VerifyCommand {
    func run(in session: Session) async throws {
        if let signature { return try await signature.run(names, in: session) }
        let archives = try archives()
        guard archives.isEmpty else { return try await verify(archives: archives, in: session) }
        let pushed = try pushed(in: session)
        guard pushed.isEmpty else { return try await verify(pushed: pushed, in: session) }
        guard let store = try session.storeToRead() else {
            if let name = names.first { _ = try session.find(name) }
            return session.show(VerifySummary.nothing)
        }
        try await verify(store, in: session)
    }

    private func verify(_ store: LocalStore, in session: Session) async throws {
        var models = names.isEmpty ? try store.names() : []
        for name in names { models.append(try session.find(name).named) }
        let scope = try VerifyScope(of: models, in: store, share: names.isEmpty ? share : nil)
        for one in scope.partial {
            session.reporter.note(
                "\(one.name) was pulled in part and was never checked against its publisher's hash: "
                    + one.record.missingText)
        }
        let progress = Progress("verifying", items: "layers")
        progress.expect(bytes: scope.bytes)
        let damages = try await session.reporter.show(progress) {
            try await store.verify(scope.layers) { progress.did(bytes: $0) }
        }
        let outcomes = repairs ? try await repair(damages, of: store, in: session) : []
        let registry = names.isEmpty ? try await verifyRegistry(of: store, in: session) : nil
        session.show(VerifySummary(scope: scope, damages: damages, outcomes: outcomes, registry: registry))
        if let first = scope.unreadable.first {
            let others = scope.unreadable.count > 1 ? " and \(scope.unreadable.count - 1) other names" : ""
            throw CakeError(first.error.kind, "\(first.name)\(others): \(first.error.what)", fix: first.error.fix)
        }
        let rest = damages.count - outcomes.count { $0.isMended }
        guard rest > 0 else { return try registry?.throwIfDamaged(repairs: repairs) ?? () }
        throw CakeError(
            .damaged,
            "\(rest) of \(max(scope.layers.count, damages.count)) layers \(rest == 1 ? "is" : "are") damaged or missing",
            fix: repairs
                ? "import or pull the models named above again"
                : "cake verify --repair, or import or pull the models named above again: only what is missing is stored anew"
        )
    }

    /// What became of each layer. Without a network nothing is mended, and each says why.
    private func repair(
        _ damages: [Damage], of store: LocalStore, in session: Session
    ) async throws -> [Repair.Outcome] {
        guard !damages.isEmpty else { return [] }
        let (plainHTTP, progress) = (plainHTTP, Progress("mending", items: "layers"))
        do throws(CakeError) {
            try session.settings.needNetwork(for: "cake verify --repair")
        } catch { return damages.map { _ in .failed(error) } }
        // Registries first: what they have is compressed, and likely to be near.
        var sources: [any LayerSource] = [
            RegistryLayers { try session.registry($0, for: "cake verify --repair", plainHTTP: plainHTTP) }
        ]
        var problem: CakeError?
        do throws(CakeError) {
            sources.append(HubLayers(try session.hub(for: "cake verify --repair")))
        } catch { problem = error }
        let repair = Repair(from: sources, into: store, progress: progress)
        let outcomes = try await session.reporter.show(progress) {
            try await repair(damages) { what in
                session.reporter.note("another cake is downloading \(what); waiting")
            }
        }
        guard let problem else { return outcomes }
        return outcomes.map { $0.isMended ? $0 : .failed(problem) }
    }

    /// Nil where the store has none.
    private func verifyRegistry(of store: LocalStore, in session: Session) async throws -> RegistryVerification? {
        guard let registry = try RegistryStore.existing(in: store) else { return nil }
        let progress = Progress("verifying the registry", items: "blobs")
        let usage = try registry.usage()
        progress.expect(bytes: usage.bytes + usage.sharedBytes)
        return try await session.reporter.show(progress) {
            try await registry.verify(share, mending: repairs) { progress.did(bytes: $0) }
        }
    }
}

/// Archives: files on this disk that say themselves what their bytes should be.
extension VerifyCommand {
    /// The names, where they are paths of archives.
    private func archives() throws -> [String] {
        let archives = try names.filter { word in
            if Session.isPath(word) { return true }
            guard word.lowercased().hasSuffix(".pt") else { return false }
            return try Disk.status(word)?.kind == .file
        }
        guard archives.isEmpty || archives.count == names.count else {
            throw CakeError(.usage, "some of these are archives and some are models", fix: "verify them one by one")
        }
        guard archives.isEmpty || !repairs else {
            throw CakeError(
                .usage, "--repair works on the store, not on archives",
                fix: "cake export --format fast writes the archive again")
        }
        return archives
    }

    private func verify(archives paths: [String], in session: Session) async throws {
        let summaries = Summaries(in: session)
        var damaged: [String] = []
        for path in paths {
            let archive = try ArchiveFile(try session.settings.inHome(path))
            let progress = Progress("verifying \(Printable.escape(path))")
            progress.expect(bytes: archive.archive.layout.size, items: 1)
            let damages = try await session.reporter.show(progress) {
                try await archive.damages(on: session.pool) { progress.did(bytes: $0) }
            }
            if !damages.isEmpty { damaged.append(Printable.escape(path)) }
            summaries.show(ArchiveSummary(path: path, archive: archive, damages: damages))
        }
        summaries.end()
        guard damaged.isEmpty else {
            throw CakeError(.damaged, "\(damaged.joined(separator: ", ")) is damaged", fix: ArchiveFile.advice)
        }
    }
}

/// Models in registries, which are read through.
extension VerifyCommand {
    /// With --remote all, else those that are not here.
    private func pushed(in session: Session) throws(CakeError) -> [RegistryReference] {
        if isRemote, names.isEmpty {
            throw CakeError(
                .usage, "--remote needs a model's name", fix: "cake verify --remote registry.local:5000/team/m:v1")
        }
        var found: [RegistryReference] = []
        for name in names {
            if isRemote {
                found.append(try session.registryReference(name))
            } else if case .registry(let reference) = try? session.settings.reference(name), !session.has(name) {
                found.append(reference)
            }
        }
        guard found.isEmpty || found.count == names.count else {
            throw CakeError(
                .usage, "some of these are in the store and some in a registry", fix: "verify them one by one")
        }
        guard found.isEmpty || !repairs else {
            throw CakeError(
                .usage, "--repair works on the store, not on registries",
                fix: "cake push NAME REF sends damaged layers again")
        }
        return found
    }

    private func verify(pushed references: [RegistryReference], in session: Session) async throws {
        let store = try session.openStore()
        let summaries = Summaries(in: session)
        var damaged: [String] = []
        for reference in references {
            let client = try session.registry(reference, for: "cake verify", plainHTTP: plainHTTP)
            let progress = Progress("verifying \(reference.storeName)", items: "layers")
            let report = try await session.reporter.show(progress) {
                let remote = try await RemoteArtifact(reference.manifest, in: RemoteRepository(reference, client))
                return try await RegistryVerify(of: remote, in: store, bytesPerSecond: nil, progress: progress)()
            }
            if !report.isWhole { damaged.append(reference.typed) }
            summaries.show(PushedSummary(report: report, reference: reference))
        }
        summaries.end(aloneIfOne: true)
        if let first = damaged.first {
            throw CakeError(
                .damaged, "\(damaged.joined(separator: ", ")) cannot be rebuilt from the registry",
                fix: "cake push NAME \(first) sends the damaged layers again")
        }
    }
}
