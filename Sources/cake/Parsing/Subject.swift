import Model
import Platform
import Remote
import Store
import Transfer

/// What a person named to look at: a model in the store, one that lies on this disk, one on the Hub or in a registry.
enum Subject: Sendable {
    case stored(LocalStore, LocalStore.Named)
    case local(LocalModel)
    /// A fast-load archive, taken at its word: `cake verify` reads all of it.
    case archive(ArchiveFile)
    case remote(RemoteModel)
    case registry(RegistryModel)
    /// In a registry, pushed by another tool.
    case shaped(ForeignRegistryModel)

    /// Every byte of a path is read for its digests, with the progress shown; the store knows them. Of what is remote, as
    /// much as is known without reading it.
    func outline(in session: Session) async throws -> Outline {
        switch self {
        case .stored(let store, let named): return Outline(try store.manifest(named.record.manifest))
        case .archive(let archive): return archive.outline
        case .remote(let model):
            if let refusal = model.refusal { throw refusal }
            return model.outline
        case .registry(let model): return model.outline
        case .shaped(let model):
            if let outline = model.outline { return outline }
            let name = model.reference.typed
            throw CakeError(
                .usage,
                "\(name) is a \(model.remote.model.shape.words) with archives, whose files are not known before a pull",
                fix: "cake pull \(name), then run the command again")
        case .local(let model):
            let progress = Progress("reading \(Disk.lastPart(of: model.origin))")
            return try await session.reporter.show(progress) {
                Outline(try await model.manifest(on: session.pool, progress: progress))
            }
        }
    }

    /// What git would call the model's small files: the only thing that a Hub lists of its own small ones.
    func gitDigests(of outline: Outline) throws(CakeError) -> Outline {
        var outline = outline
        switch self {
        case .stored(let store, let named):
            let manifest = try store.manifest(named.record.manifest)
            let reader = LayerReader(store)
            try outline.addGitDigests { path, limit throws(CakeError) in
                try manifest.file(at: path.string).map { file throws(CakeError) in
                    try reader.bytes(of: file, limit: limit)
                }
            }
        case .local(let model):
            try outline.addGitDigests { path, limit throws(CakeError) in
                try model.bytes(of: path.string, limit: limit)
            }
        case .archive(let archive):
            try outline.addGitDigests { path, limit throws(CakeError) in
                try archive.bytes(of: path.string, limit: limit)
            }
        case .registry(let model):
            try outline.addGitDigests { path, _ throws(CakeError) in model.bytes(of: path.string) }
        case .shaped(let model):
            try outline.addGitDigests { path, _ throws(CakeError) in model.bytes(of: path.string) }
        case .remote: break
        }
        return outline
    }

    var remote: RemoteModel? {
        guard case .remote(let model) = self else { return nil }
        return model
    }

    var isElsewhere: Bool {
        switch self {
        case .remote, .registry, .shaped: true
        case .stored, .local, .archive: false
        }
    }

    var isStored: Bool { if case .stored = self { true } else { false } }

    /// For looking at some of its bytes.
    func sampler(in session: Session) throws(CakeError) -> TensorSampler {
        switch self {
        case .stored(let store, let named): TensorSampler(store, named.record.manifest)
        case .local(let model): try TensorSampler(model)
        case .archive(let archive): TensorSampler(archive)
        case .registry(let model): throw Subject.unread(model.reference.typed)
        case .shaped(let model): throw Subject.unread(model.reference.typed)
        case .remote(let model):
            TensorSampler(
                model, from: try session.hub(for: "looking at \(model.reference.storeName)"),
                store: try session.existingStore(), usingXet: !session.settings.disablesXet)
        }
    }

    func tensorReader() throws(CakeError) -> TensorReader {
        switch self {
        case .stored(let store, _): TensorReader(store)
        case .local(let model): try TensorReader(model)
        case .archive(let archive): TensorReader(archive)
        case .remote(let model): throw Subject.unread(model.reference.storeName)
        case .registry(let model): throw Subject.unread(model.reference.typed)
        case .shaped(let model): throw Subject.unread(model.reference.typed)
        }
    }

    private static func unread(_ name: String) -> CakeError {
        CakeError(
            .usage, "--numeric needs the tensors of \(name), which are not here",
            fix: "cake pull \(name), then run the command again; or leave --numeric out")
    }

    /// As it is called: the name it has in the store, or the path.
    func title(typed: String) -> String {
        switch self {
        case .stored(_, let named): named.name.string
        case .local, .archive: typed
        case .remote(let model): model.reference.storeName
        case .registry(let model): model.reference.storeName
        case .shaped(let model): model.reference.storeName
        }
    }
}

extension Session {
    /// As `here`; what is not here, and is spelled like a name on the Hub, is looked at there.
    func subject(_ typed: String, plainHTTP: Bool = false) async throws -> Subject {
        do throws(CakeError) {
            return try here(typed)
        } catch {
            if error.kind == .notFound, case .registry(let reference) = try? settings.reference(typed) {
                let purpose = "reading \(Printable.escape(typed)), which is not in the store,"
                let client = try registry(reference, for: purpose, plainHTTP: plainHTTP)
                let store = try existingStore()
                return try await reporter.show(Progress("looking at \(reference.storeName)")) {
                    switch try await RemoteFinding(reference.manifest, in: RemoteRepository(reference, client)) {
                    case .cake(let remote): .registry(try await RegistryModel(reference, remote))
                    case .foreign(let remote):
                        .shaped(try await ForeignRegistryModel(reference, remote, store: store, on: pool))
                    }
                }
            }
            guard error.kind == .notFound, let reference = remoteReference(typed) else { throw error }
            let source = try hub(for: "reading \(Printable.escape(typed)), which is not in the store,")
            let progress = Progress("looking at \(reference.storeName)")
            let store = try existingStore()
            return try await reporter.show(progress) {
                .remote(try await RemoteModel(reference, from: source, store: store, on: pool))
            }
        }
    }

    /// A word without a slash is asked of no server unless it is a known short name: it is more likely the misspelled
    /// name of something here, which is nobody else's business.
    private func remoteReference(_ typed: String) -> HubReference? {
        guard case .hub(let reference) = try? settings.reference(typed) else { return nil }
        let isPlain =
            !typed.utf8.contains(UInt8(ascii: "/")) && !reference.repository.id.utf8.contains(UInt8(ascii: "/"))
        return isPlain ? nil : reference
    }

    /// A path when it looks like one or is an existing safetensors file; else a name in the store; else a folder that is
    /// given with a slash.
    func here(_ typed: String) throws(CakeError) -> Subject {
        guard !typed.isEmpty else { throw CakeError(.usage, "the name is empty", fix: "cake ls shows what is there") }
        let path = try settings.inHome(typed)
        if Session.isPath(typed) { return try local(path) }
        if typed.lowercased().hasSuffix(".pt"), try ArchiveFile.isOne(path) { return try local(path) }
        let isFile = typed.lowercased().hasSuffix(".safetensors")
        if isFile, try Disk.status(path) != nil { return .local(try LocalModel(path)) }
        do throws(CakeError) {
            let (store, named) = try find(typed)
            notePart(named)
            return .stored(store, named)
        } catch {
            guard error.kind == .notFound else { throw error }
            // A name too long for a disk is none of its names.
            guard let status = (try? Disk.status(path)) ?? nil else {
                if isFile {
                    throw CakeError(
                        .notFound, "no file \(Printable.escape(typed))",
                        fix: "check the spelling; ls lists the files")
                }
                throw error
            }
            if status.kind == .folder, typed.utf8.contains(UInt8(ascii: "/")) { return .local(try LocalModel(path)) }
            let what = status.kind == .folder ? "folder" : "file"
            throw CakeError(error.kind, error.what, fix: "for the \(what) on this disk, write ./\(typed)")
        }
    }

    /// Where a GGUF file is, if that is what was typed.
    func gguf(_ typed: String) throws(CakeError) -> String? {
        guard !typed.isEmpty, Session.isPath(typed) || typed.lowercased().hasSuffix(".gguf") else { return nil }
        let path = try settings.inHome(typed)
        return try GGUFFile.isOne(path) ? path : nil
    }

    private func local(_ path: String) throws(CakeError) -> Subject {
        try ArchiveFile.isOne(path) ? .archive(try ArchiveFile(path)) : .local(try LocalModel(path))
    }

    /// Says so of a model that was pulled in part.
    func notePart(_ named: LocalStore.Named) {
        guard named.record.isPartial else { return }
        reporter.note("\(named.name) was pulled in part: \(named.record.missingText)")
    }

    /// A path by its spelling.
    static func isPath(_ typed: String) -> Bool {
        let starts = ["/", "./", "../", "~/"]
        return [".", "..", "~"].contains(typed) || starts.contains { typed.utf8.starts(with: $0.utf8) }
            || typed.utf8.last == UInt8(ascii: "/")
    }
}
