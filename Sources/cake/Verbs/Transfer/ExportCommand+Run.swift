import Model
import Platform
import Store
import Transfer

extension ExportCommand {
    func run(in session: Session) async throws {
        let names = exportsAll ? try session.existingStore()?.names().map(\.name.string) ?? [] : names
        // Every name is known before anything is written.
        for name in names { _ = try session.find(name, revision: revision) }
        try await session.forEach(names) { name, session in
            let (store, named) = try session.find(name, revision: revision)
            try await alone(named.name).run(named, from: store, in: session)
        }
    }

    private func run(_ named: LocalStore.Named, from store: LocalStore, in session: Session) async throws {
        let manifest = try store.manifest(named.record.manifest)
        let files = try selected(from: manifest, of: named.name)
        try refuseMissing(named, in: session)
        if format == .files || format == .hfCache {
            let signature =
                format == .files && !isStreamed
                ? try store.signature(for: files, of: manifest, named.record.manifest) : nil
            if isDryRun {
                let own = signature.map { [(SignatureBundle.fileName, UInt64($0.bytes.count))] } ?? []
                return session.show(ExportOutlookSummary(files: files.map { ($0.path.string, $0.size) } + own))
            }
            if isStreamed {
                let stream = files.count == 1 ? ModelStream(files[0]) : ModelStream(tar: files)
                return try await send(stream, of: named, from: store, in: session)
            }
            if format == .hfCache { return try await writeCache(files, of: named, from: store, in: session) }
            return try await tell(named, "every file matches its SHA-256", signature: signature, in: session) {
                try await Export(from: store, progress: $0, isForced: overwrites)(
                    named.name, named.record.manifest, files, signature: signature, to: path)
            }
        }
        let choice = try tensors.choice(from: files, in: store)
        noteLeftOut(choice, in: session)
        switch format {
        case .files, .hfCache: return
        case .fast: try await writeArchive(choice, of: named, from: store, in: session)
        case .safetensors: try await writeSafetensors(choice, of: named, from: store, in: session)
        }
    }

    /// Says what an incomplete model lacks. Files in a cache for the Hub's client must be the published ones.
    private func refuseMissing(_ named: LocalStore.Named, in session: Session) throws(CakeError) {
        let record = named.record
        guard record.isIncomplete else { return }
        try tensors.refuse(missing: record.missing, of: named.name, completedBy: record.completing(named.name))
        let said = "\(named.name) was pulled in part: \(record.missingText)"
        let command = record.completing(named.name)
        guard format != .hfCache || !record.isPartial else {
            throw CakeError(.notFound, said, fix: "\(command) downloads the rest")
        }
        session.reporter.note("\(said); \(command) downloads the rest")
    }

    /// To standard output, or to a named pipe.
    private var isStreamed: Bool { format != .hfCache && (destination == "-" || NamedPipe.isOne(path)) }

    private var path: String { destination ?? "" }

    private func writeCache(
        _ files: [Manifest.File], of named: LocalStore.Named, from store: LocalStore, in session: Session
    ) async throws {
        guard let cache = destination ?? session.settings.huggingFaceCache else {
            throw CakeError(
                .usage, "HOME is not set, so cake does not know where the cache is", fix: "add -o DIR")
        }
        let record = named.record
        let entry = try HubCacheEntry(
            in: cache, named.name, revision: record.revision, commit: record.commit, manifest: record.manifest,
            etags: record.etags, from: record.source)
        try await tell(named, "every file matches its SHA-256", at: entry.snapshot, in: session) { progress in
            try await Export(from: store, progress: progress, isForced: overwrites).cache(
                named.name, record.manifest, files, to: entry)
        }
        if let other = entry.otherCommit, let revision = entry.revision {
            session.reporter.note(
                "\(revision) is \(other) in that cache, and cake leaves it so: load this model by revision=\"\(entry.commit)\""
            )
        }
    }

    private func writeArchive(
        _ choice: WeightChoice, of named: LocalStore.Named, from store: LocalStore, in session: Session
    ) async throws {
        let archive = try FastArchive(try choice.facts(hasJoinedStorages: hasOneStorage, isStreamed: isStreamed))
        session.tell(rawTensors: archive.rawTensors)
        if isDryRun {
            return session.show(ExportOutlookSummary(files: archive.layout.members.map { ($0.name, $0.size) }))
        }
        if isStreamed {
            let stream = try ModelStream(archive: choice, hasJoinedStorages: hasOneStorage)
            return try await send(stream, of: named, from: store, in: session)
        }
        try await tell(
            named, "\(Quantities.count(choice.weights.entries.count, of: "tensor")), each matches its SHA-256",
            in: session
        ) {
            progress in
            try await Export(from: store, progress: progress, isForced: overwrites).archive(
                named.name, named.record.manifest, choice, hasJoinedStorages: hasOneStorage, to: path)
        }
    }

    private func writeSafetensors(
        _ choice: WeightChoice, of named: LocalStore.Named, from store: LocalStore, in session: Session
    ) async throws {
        let isAlone = WeightChoice.isFile(path)
        if isDryRun {
            let shards = try choice.shards(limit: isAlone ? nil : shardSize)
            let others = isAlone ? [] : choice.companions.map { ($0.path.string, $0.size) }
            return session.show(ExportOutlookSummary(files: shards.files.map { ($0.path.string, $0.size) } + others))
        }
        if isStreamed {
            let stream = try ModelStream(choice, limit: shardSize, isAlone: shardSize == nil)
            return try await send(stream, of: named, from: store, in: session)
        }
        try await tell(
            named, "\(Quantities.count(choice.weights.entries.count, of: "tensor")), each matches its SHA-256",
            in: session
        ) {
            progress in
            try await Export(from: store, progress: progress, isForced: overwrites).safetensors(
                named.name, named.record.manifest, choice, limit: shardSize, to: path)
        }
    }

    private func send(
        _ stream: ModelStream, of named: LocalStore.Named, from store: LocalStore, in session: Session
    ) async throws {
        try await session.send(
            stream, "exporting \(named.name)", of: named, from: store, to: destination == "-" ? nil : path)
    }

    private func noteLeftOut(_ choice: WeightChoice, in session: Session) {
        let left = choice.files.otherForms
        guard !left.isEmpty else { return }
        let shown = left.prefix(3).map(\.path.description).joined(separator: ", ")
        let more = left.count > 3 ? " and \(left.count - 3) more" : ""
        session.reporter.note("left out: \(shown)\(more), the same weights in other formats")
    }

    /// Shows progress during the work, then a summary.
    private func tell(
        _ named: LocalStore.Named, _ proof: String, at place: String? = nil, signature: FoundSignature? = nil,
        in session: Session, _ work: (Progress) async throws -> Export.Report
    ) async throws {
        let progress = Progress("exporting \(named.name)")
        let start = ContinuousClock.now
        let report = try await session.reporter.show(progress) { try await work(progress) }
        session.show(
            ExportSummary(
                report: report, named: named, place: place ?? path, format: format, proof: proof,
                signature: signature, elapsed: .now - start)
        )
    }

    private func selected(from manifest: Manifest, of name: ModelName) throws(CakeError) -> [Manifest.File] {
        let including = try included.map { text throws(CakeError) in try Glob(text) }
        let excluding = try excluded.map { text throws(CakeError) in try Glob(text) }
        let files = manifest.files.filter { file in
            (including.isEmpty || including.contains { $0.matches(file.path.string) })
                && !excluding.contains { $0.matches(file.path.string) }
        }
        guard !files.isEmpty || manifest.files.isEmpty else {
            throw CakeError(
                .notFound, "no file of \(name) matches",
                fix: "cake inspect \(name) lists its files")
        }
        return files
    }
}
