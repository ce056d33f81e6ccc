public import Model
public import Platform
public import Remote
public import Store

/// A model on a Hub, read without downloading its tensors: the Hub's list of files, the headers of its files, and a few
/// small files such as the configuration. Nothing is stored.
public struct RemoteModel: Sendable {
    public struct ListedFile: Sendable {
        public let listed: SnapshotFile
        /// Its layers' digests; nil when the file is not in the store, whole.
        public let known: Manifest.File?
        public let cuts: [Segmentation.Cut]
        /// Why its tensors are not known.
        public let complaint: CakeError?
        let headerDigest: Digest?

        init(
            _ listed: SnapshotFile, known: Manifest.File? = nil, cuts: [Segmentation.Cut] = [],
            complaint: CakeError? = nil, headerDigest: Digest? = nil
        ) {
            self.listed = listed
            self.known = known
            self.cuts = cuts
            self.complaint = complaint
            self.headerDigest = headerDigest
        }

        /// The identity of a cut's bytes, as far as it is known.
        func content(of cut: Segmentation.Cut) -> Outline.Content? {
            if let headerDigest, cut.start == 0, cut.tensor == nil { return .digest(headerDigest) }
            guard let sha256 = listed.sha256 else { return nil }
            return cut.count == listed.size ? .digest(sha256) : .part(of: sha256, from: cut.start)
        }

        public var tensors: some Sequence<Tensor> { cuts.lazy.compactMap(\.tensor) }

        /// The known identity of its bytes.
        var outline: Outline.File {
            if let known { return Outline.File(known) }
            let segments = cuts.map { cut in
                Outline.Segment(content: content(of: cut), size: cut.count, tensor: cut.tensor)
            }
            return Outline.File(
                path: listed.path, size: listed.size, digest: listed.sha256, gitDigest: listed.gitDigest,
                segments: segments)
        }
    }

    public let reference: HubReference
    public let info: HubInfo
    public let snapshot: Snapshot
    /// The files that a pull would take, sorted by path.
    public let files: [ListedFile]
    /// The same weights in other formats, which it would not.
    public let otherForms: [SnapshotFile]
    /// Why no file could be looked into: its owner has to let one in first.
    public let refusal: CakeError?
    private let texts: [FilePath: [UInt8]]

    /// The largest size of a file that describes a model.
    public static let textLimit = 4 << 20
    private static let textNames = ["config.json", "adapter_config.json", ModelCard.fileName]
    private static let connections = 8

    public init(
        _ reference: HubReference, from source: HubSource, store: LocalStore?, on pool: BlockingPool
    ) async throws {
        self.reference = reference
        (info, snapshot) = try await source.listing(of: reference)
        let known = try store.map { try KnownRemote($0) }
        let looking = RemoteLook(source: source, snapshot: snapshot, known: known, pool: pool)
        let (choice, refused) = try await looking.choose()
        otherForms = choice.otherForms
        // A refusal of one is a refusal of all: they are not asked for one by one.
        let closed = choice.files.map { ListedFile($0) }
        guard refused == nil else {
            (files, texts, refusal) = (closed, [:], refused)
            return
        }
        let names = RemoteModel.textNames
        let count = RemoteModel.connections
        var seen: (files: [ListedFile], texts: [FilePath: [UInt8]], refusal: CakeError?) = (closed, [:], nil)
        do {
            let files = try await looking.look(at: choice.files, atOnce: count)
            let wanted = files.filter { file in
                names.contains(file.listed.path.string) && file.listed.size <= UInt64(RemoteModel.textLimit)
            }
            seen = (files, try await looking.texts(wanted, limit: RemoteModel.textLimit), nil)
        } catch let error as CakeError where error.kind == .notAuthorised {
            seen.refusal = error
        }
        (files, texts, refusal) = seen
    }

    /// One of the small files; nil if there is none.
    public func bytes(of path: String) -> [UInt8]? {
        let wanted = ExactText(path)
        return texts.first { $0.key.text == wanted }?.value
    }

    /// The files that a pull would download now.
    public var missing: [SnapshotFile] { files.filter { $0.known == nil }.map(\.listed) }

    public var size: UInt64 { files.reduce(0) { $0 + $1.listed.size } }

    /// The known identity of its bytes, without the bytes.
    public var outline: Outline { Outline(files: files.map(\.outline)) }
}

/// The files that are complete in the store, by a Hub's listing.
struct KnownRemote: Sendable {
    private let store: LocalStore
    private let proof: KnownFileProof
    let reader: LayerReader

    init(_ store: LocalStore) throws(CakeError) {
        self.store = store
        proof = try KnownFileProof(store)
        reader = LayerReader(store)
    }

    /// The file under its path there.
    func find(_ listed: SnapshotFile) throws(CakeError) -> Manifest.File? {
        guard let found = try proof.find(listed) else { return nil }
        for segment in found.segments where try !store.contains(segment.layer) { return nil }
        return found
    }
}

/// One look at a repository's files.
private struct RemoteLook: Sendable {
    let source: HubSource
    let snapshot: Snapshot
    let known: KnownRemote?
    let pool: BlockingPool

    private static let indexLimit = 64 << 20

    /// The files that a pull would take. If an index may not be read, every safetensors file stays in.
    func choose() async throws -> (WeightSelection.Choice, CakeError?) {
        let selection = try WeightSelection()
        var indexes: [FilePath: [UInt8]] = [:]
        do {
            for file in selection.indexes(in: snapshot) {
                indexes[file.path] = try await source.bytes(of: file, in: snapshot, limit: RemoteLook.indexLimit)
            }
        } catch let error as CakeError where error.kind == .notAuthorised {
            return (try selection.choose(from: snapshot), error)
        }
        return (try selection.choose(from: snapshot, indexes: indexes), nil)
    }

    func look(at files: [SnapshotFile], atOnce count: Int) async throws -> [RemoteModel.ListedFile] {
        var seen: [RemoteModel.ListedFile] = []
        let most = Segmentation.mostCuts(eachOf: files.count)
        try await inOrder(files.count, atOnce: count, on: pool) { index in
            try await look(at: files[index], mostCuts: most)
        } take: { _, file in
            seen.append(file)
        }
        return seen
    }

    /// No byte is asked for of a file that is here.
    private func look(at listed: SnapshotFile, mostCuts: Int) async throws -> RemoteModel.ListedFile {
        if let found = try known?.find(listed) {
            return RemoteModel.ListedFile(listed, known: found, cuts: Segmentation(found).cuts)
        }
        let (segmentation, header) = try await Segmentation.cuts(
            of: HubFile(listed, in: snapshot, from: source), most: mostCuts)
        return RemoteModel.ListedFile(
            listed, cuts: segmentation.cuts, complaint: segmentation.complaint, headerDigest: header)
    }

    /// From the store where they are in it.
    func texts(_ files: [RemoteModel.ListedFile], limit: Int) async throws -> [FilePath: [UInt8]] {
        var texts: [FilePath: [UInt8]] = [:]
        for file in files {
            let path = file.listed.path
            if let here = file.known, let bytes = try? known?.reader.bytes(of: here, limit: limit) {
                texts[path] = bytes
            } else {
                texts[path] = try await source.bytes(of: file.listed, in: snapshot, limit: limit)
            }
        }
        return texts
    }
}
