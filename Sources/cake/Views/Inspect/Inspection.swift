import Model
import Remote
import Store
import Transfer

/// What is known of a model without reading a tensor.
struct Inspection: Sendable {
    struct File: Sendable {
        let path: FilePath
        let size: UInt64
        let tensors: Int
    }

    struct Row: Sendable {
        let tensor: Tensor
        let file: FilePath
        /// Nil where the model is not in a store: knowing it would take reading the tensor.
        let digest: Digest?
    }

    /// What a name in the store remembers.
    struct Named: Sendable {
        let name: ModelName
        let record: NameRecord
    }

    /// What a Hub says of a model that is looked at there.
    struct Remote: Sendable {
        let info: HubInfo
        /// Its files may not be looked into.
        let isClosed: Bool
        /// Of the files that are not in the store.
        let bytesToFetch: UInt64
        /// Weights in other formats, which a pull leaves out.
        let otherForms: Int
        let otherBytes: UInt64
    }

    let title: String
    let named: Named?
    /// Of a path.
    let path: String?
    let source: String?
    let revision: String?
    let commit: String?
    let facts: Facts
    let baseModel: String?
    let files: [File]
    let size: UInt64
    /// In the order of their bytes, file by file.
    let tensors: [Row]
    var remote: Remote?
    /// Of a model whose tensors are all in GGUF files; where it has several encodings of the same weights, the largest.
    var gguf: GGUFInspection?
    /// What a pull from its registry would fetch now.
    var bytesToFetch: UInt64?
    /// Of a model in the store.
    var signatures: [Signature] = []
    /// Of a model in a registry that another tool pushed.
    var shape: ShapeInspection?
}

extension Inspection {
    private static let configLimit = JSONValue.usualLimit
    private static let cardLimit = 4 << 20

    init(_ subject: Subject, typed: String, besides store: LocalStore? = nil) throws(CakeError) {
        title = subject.title(typed: typed)
        let read: (String, Int) throws(CakeError) -> [UInt8]?
        switch subject {
        case .stored(let store, let named):
            let manifest = try store.manifest(named.record.manifest)
            let layers = LayerReader(store)
            read = { path, limit throws(CakeError) in
                // A small file is one layer.
                guard let file = manifest.file(at: path), file.size <= UInt64(limit), file.segments.count == 1 else {
                    return nil
                }
                return try layers.bytes(of: file.segments[0].layer, limit: limit)
            }
            self.named = Named(name: named.name, record: named.record)
            signatures = Inspection.signatures(of: manifest, named.record.manifest, in: store)
            (path, source) = (nil, named.record.source)
            (revision, commit) = (named.record.revision, named.record.commit)
            let counts = TensorCounts(of: store)
            files = manifest.files.map { file in
                let counted = counts.count(of: file)?.tensors
                return File(
                    path: file.path, size: file.size,
                    tensors: counted ?? file.segments.count { $0.tensor != nil })
            }
            counts.save()
            tensors = manifest.files.flatMap { file in
                file.segments.compactMap { segment in
                    segment.tensor.map { Row(tensor: $0, file: file.path, digest: segment.layer.digest) }
                }
            }
            if tensors.isEmpty { gguf = Inspection.gguf(in: manifest, of: store, counts) }
        case .local(let model):
            read = { path, limit throws(CakeError) in try model.bytes(of: path, limit: limit) }
            named = nil
            path = typed
            source = model.commit == nil ? nil : model.origin
            (revision, commit) = (model.revision, model.commit)
            let headers = Inspection.headers(of: model)
            files = model.files.map { file in
                let counted = headers.first { $0.path == file.path }?.header.tensors.count
                return File(
                    path: file.path, size: file.size, tensors: counted ?? file.cuts.count { $0.tensor != nil })
            }
            tensors = model.files.flatMap { file in
                file.tensors.map { Row(tensor: $0, file: file.path, digest: nil) }
            }
            if tensors.isEmpty { gguf = Inspection.largest(of: headers) }
        case .archive(let archive):
            read = { path, limit throws(CakeError) in try archive.bytes(of: path, limit: limit) }
            (named, path, source, revision, commit) = (nil, typed, nil, nil, nil)
            let outline = archive.outline
            files = outline.files.map { file in
                File(path: file.path, size: file.size, tensors: file.segments.count { $0.tensor != nil })
            }
            tensors = outline.files.flatMap { file in
                file.segments.compactMap { segment in
                    segment.tensor.map { Row(tensor: $0, file: file.path, digest: segment.digest) }
                }
            }
        case .registry(let model):
            read = { path, limit throws(CakeError) in
                model.bytes(of: path).flatMap { $0.count <= limit ? $0 : nil }
            }
            (named, path) = (nil, nil)
            let reference = model.reference
            source = reference.place
            (revision, commit) = (reference.tag, "\(model.remote.digest)")
            files = model.remote.model.files.map { file in
                File(path: file.path, size: file.size, tensors: file.segments.count { $0.tensor != nil })
            }
            tensors = model.remote.model.files.flatMap { file in
                file.segments.compactMap { segment in
                    segment.tensor.map { Row(tensor: $0, file: file.path, digest: segment.layer.digest) }
                }
            }
            bytesToFetch = try model.missing(from: store).bytes
        case .shaped(let model):
            read = { path, limit throws(CakeError) in
                model.bytes(of: path).flatMap { $0.count <= limit ? $0 : nil }
            }
            (named, path) = (nil, nil)
            source = model.reference.place
            (revision, commit) = (model.reference.tag, "\(model.remote.kept.name)")
            files = model.files.map { file in
                File(path: file.listed.path, size: file.listed.size, tensors: file.cuts.count { $0.tensor != nil })
            }
            tensors = model.files.flatMap(Inspection.rows)
            bytesToFetch = model.bytesToFetch
            shape = ShapeInspection(model)
        case .remote(let model):
            read = { path, limit throws(CakeError) in
                model.bytes(of: path).flatMap { $0.count <= limit ? $0 : nil }
            }
            (named, path) = (nil, nil)
            source = model.snapshot.repository.description
            (revision, commit) = (model.snapshot.revision ?? Revision.main, model.snapshot.commit)
            files = model.files.map { file in
                File(path: file.listed.path, size: file.listed.size, tensors: file.cuts.count { $0.tensor != nil })
            }
            tensors = model.files.flatMap(Inspection.rows)
            remote = Remote(
                info: model.info, isClosed: model.refusal != nil,
                bytesToFetch: model.missing.reduce(0) { $0 + $1.size },
                otherForms: model.otherForms.count, otherBytes: model.otherForms.reduce(0) { $0 + $1.size })
        }
        size = files.reduce(shape?.archiveBytes ?? 0) { $0 &+ $1.size }
        facts = Facts(config: try Inspection.json("config.json", read), tensors: tensors.lazy.map(\.tensor))
        let adapter = try Inspection.json("adapter_config.json", read)
        let card = try read(ModelCard.fileName, Inspection.cardLimit)
        baseModel = Facts.baseModel(adapterConfig: adapter, card: card?.span)
    }

    /// The digests of a file's tensors are known where the store has the file.
    private static func rows(of file: RemoteModel.ListedFile) -> [Row] {
        if let known = file.known {
            return known.segments.compactMap { segment in
                segment.tensor.map { Row(tensor: $0, file: known.path, digest: segment.layer.digest) }
            }
        }
        return file.tensors.map { Row(tensor: $0, file: file.listed.path, digest: nil) }
    }

    /// Nil when it is not there or no JSON that can be read: a config comes from a stranger and says what it likes.
    private static func json(
        _ path: String, _ read: (String, Int) throws(CakeError) -> [UInt8]?
    ) throws(CakeError) -> JSONValue? {
        guard let bytes = try read(path, configLimit) else { return nil }
        return try? JSONValue(parsing: bytes.span, repeatedKeys: .kept)
    }

    func rows(matching filter: TensorFilter?) -> [Row] {
        guard let filter else { return tensors }
        return tensors.filter { filter.matches($0.tensor.name) }
    }
}
