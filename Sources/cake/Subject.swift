import Model
import Platform
import Store
import Transfer

/// What a person named to look at: a model in the store, or one that lies on this disk.
enum Subject: Sendable {
    case stored(LocalStore, LocalStore.Named)
    case local(LocalModel)

    /// Every byte of a path is read for its digests, with the progress shown; the store knows them.
    func manifest(in session: Session) async throws -> Manifest {
        switch self {
        case .stored(let store, let named): return try store.manifest(named.record.manifest)
        case .local(let model):
            let progress = Progress("reading \(Disk.lastPart(of: model.origin))")
            return try await session.reporter.show(progress) {
                try await model.manifest(on: session.pool, progress: progress)
            }
        }
    }

    func tensorReader() throws(CakeError) -> TensorReader {
        switch self {
        case .stored(let store, _): TensorReader(store)
        case .local(let model): try TensorReader(model)
        }
    }

    /// As it is called: the name it has in the store, or the path.
    func title(typed: String) -> String {
        switch self {
        case .stored(_, let named): named.name.string
        case .local: typed
        }
    }
}

extension Session {
    /// A path when it looks like one or is an existing safetensors file; else a name in the store; else a folder that is
    /// given with a slash.
    func subject(_ typed: String) throws(CakeError) -> Subject {
        guard !typed.isEmpty else { throw CakeError(.usage, "the name is empty", fix: "cake ls shows what is there") }
        let path = try settings.inHome(typed)
        if Session.isPath(typed) { return .local(try LocalModel(path)) }
        let isFile = typed.lowercased().hasSuffix(".safetensors")
        if isFile, try Disk.status(path) != nil { return .local(try LocalModel(path)) }
        do throws(CakeError) {
            let (store, named) = try find(typed)
            return .stored(store, named)
        } catch {
            guard error.kind == .notFound else { throw error }
            // A name too long for a disk is none of its names.
            guard let status = (try? Disk.status(path)) ?? nil else {
                if isFile {
                    throw CakeError(
                        .notFound, "no file \(Printable.escape(typed))",
                        fix: "check the spelling; ls shows what is there")
                }
                throw error
            }
            if status.kind == .folder, typed.utf8.contains(UInt8(ascii: "/")) { return .local(try LocalModel(path)) }
            let what = status.kind == .folder ? "folder" : "file"
            throw CakeError(error.kind, error.what, fix: "for the \(what) of that name here, write ./\(typed)")
        }
    }

    /// A path by its spelling.
    static func isPath(_ typed: String) -> Bool {
        let starts = ["/", "./", "../", "~/"]
        return [".", "..", "~"].contains(typed) || starts.contains { typed.utf8.starts(with: $0.utf8) }
            || typed.utf8.last == UInt8(ascii: "/")
    }
}
