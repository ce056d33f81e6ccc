/// What an archive holds and how it is laid out: enough to work out every byte of it but those of the layers. It is a
/// member of the archive, and the first, so that an archive is known by its first bytes; the last where layers are not known
/// before they have passed.
///
///     cake archive 1
///     storages separate                          or joined: one for each dtype
///     sums before                                or after, or passed: see `Sums`
///     weights <path>                             a file of the manifest whose tensors are the state dict
///     tied <sha256>                              a layer whose tensors share one storage
///     <sha256> <bytes> <dtype> <shape> <name>    a tensor, where it is only some of a model's
///     cake manifest 1                            the files that the archive gives back
public struct ArchiveFacts: Hashable, Sendable {
    /// When the content of the archive is known.
    public enum Sums: String, Sendable {
        /// Before it is written: checksums stand before the bytes.
        case before
        /// Layers are known, and checksums follow the bytes.
        case after
        /// Layers are not known before they have passed: files come in the order of their bytes, and the facts last.
        case passed
    }

    public var hasJoinedStorages = false
    public var sums = Sums.before
    /// Sorted.
    public let tied: [Digest]
    /// Files of the manifest that hold the tensors; none when `tensors` are given one by one.
    public let weightPaths: [FilePath]
    public let tensors: [Weights.Entry]
    public let manifest: Manifest

    /// All of a model's tensors, and the files that go along.
    public init(
        _ files: WeightFiles, tied: Set<Digest>, hasJoinedStorages: Bool, isStreamed: Bool
    ) throws(CakeError) {
        try self.init(
            tied: tied.sorted(), weightPaths: files.weights.map(\.path), tensors: [],
            manifest: Manifest(files: files.weights + files.companions), hasJoinedStorages,
            isStreamed ? .after : .before)
    }

    /// All of a model's tensors as they passed in the order of their files, each with bytes of its own.
    init(passed weights: [Manifest.File], companions: [Manifest.File]) throws(CakeError) {
        try self.init(
            tied: [], weightPaths: weights.map(\.path), tensors: [], manifest: Manifest(files: weights + companions),
            false, .passed)
    }

    /// Some tensors, or some under other names.
    public init(
        _ weights: Weights, companions: [Manifest.File], tied: Set<Digest>, hasJoinedStorages: Bool, isStreamed: Bool
    ) throws(CakeError) {
        try self.init(
            tied: tied.sorted(), weightPaths: [], tensors: weights.entries, manifest: Manifest(files: companions),
            hasJoinedStorages, isStreamed ? .after : .before)
    }

    private init(
        tied: [Digest], weightPaths: [FilePath], tensors: [Weights.Entry], manifest: Manifest,
        _ hasJoinedStorages: Bool, _ sums: Sums
    ) throws(CakeError) {
        self.tied = tied
        self.weightPaths = weightPaths
        self.tensors = tensors
        self.manifest = manifest
        self.hasJoinedStorages = hasJoinedStorages
        self.sums = sums
        let paths = Set(weightPaths)
        weightFiles = manifest.files.filter { paths.contains($0.path) }
        companions = manifest.files.filter { !paths.contains($0.path) }
        guard weightFiles.count == weightPaths.count else {
            throw CakeError(.damaged, "the archive names a file of weights that it does not have")
        }
        weights = weightPaths.isEmpty ? try Weights(tensors) : try Weights(of: weightFiles)
        try refuseContradictions()
        guard sums != .passed || (tied.isEmpty && !hasJoinedStorages && !weightPaths.isEmpty) else {
            throw CakeError(.damaged, "a streamed archive that lists its layers before they were sent")
        }
    }

    /// A layer has one size, and only the empty layer has none: otherwise two readers could find different bytes.
    private func refuseContradictions() throws(CakeError) {
        var sizes: [Digest: UInt64] = [.empty: 0]
        for layer in [manifest.segments.map(\.layer), tensors.map(\.layer)].joined() {
            let known = sizes.updateValue(layer.size, forKey: layer.digest)
            guard known == nil || known == layer.size, layer.size > 0 || layer.digest == .empty else {
                throw CakeError(.damaged, "layer \(layer.digest.short) has an impossible size")
            }
        }
    }

    public let weightFiles: [Manifest.File]
    public let companions: [Manifest.File]
    /// The state dict.
    public let weights: Weights

    static let firstLine = "cake archive 1"

    public func encode() -> [UInt8] {
        var bytes = Array((ArchiveFacts.firstLine + "\n").utf8)
        bytes += "storages \(hasJoinedStorages ? "joined" : "separate")\nsums \(sums.rawValue)\n".utf8
        for path in weightPaths {
            bytes += "weights ".utf8
            Escaped.append(path.string, to: &bytes)
            bytes.append(lineFeed)
        }
        for digest in tied {
            bytes += "tied ".utf8
            digest.appendHex(to: &bytes)
            bytes.append(lineFeed)
        }
        for entry in tensors {
            ManifestText.append(Manifest.Segment(layer: entry.layer, tensor: entry.tensor), to: &bytes)
        }
        return bytes + ManifestText.encode(manifest)
    }

    public init(decoding bytes: Span<UInt8>) throws(CakeError) {
        var lines = Lines()
        guard let first = lines.next(in: bytes), let text = first.text(in: bytes), text.hasPrefix("cake archive ")
        else {
            throw CakeError(.damaged, "its first member is not from cake")
        }
        guard text == ArchiveFacts.firstLine else {
            throw CakeError(
                .failed, "\"\(Printable.escape(text))\" is an archive format unknown to this cake",
                fix: "use a newer cake")
        }
        func word(_ key: String) throws(CakeError) -> String {
            guard var line = lines.next(in: bytes), line.skip(prefix: key + " ", in: bytes),
                let word = line.text(in: bytes)
            else { throw lines.refuse("does not say \(key)") }
            return word
        }
        let storages = try word("storages")
        guard storages == "separate" || storages == "joined" else { throw lines.refuse("does not say storages") }
        guard let sums = Sums(rawValue: try word("sums")) else { throw lines.refuse("does not say sums") }
        var paths: [FilePath] = []
        var tied: [Digest] = []
        var tensors: [Weights.Entry] = []
        var start = lines.position
        while let line = lines.next(in: bytes), line.text(in: bytes) != ManifestText.firstLine {
            var words = line
            if words.skip(prefix: "weights", in: bytes) {
                words.continueLine()
                guard let path = words.escaped(in: bytes) else { throw lines.refuse("is not a path") }
                paths.append(try FilePath(path))
            } else if words.skip(prefix: "tied", in: bytes) {
                words.continueLine()
                guard let digest = words.digest(in: bytes), words.isAtEnd else { throw lines.refuse("is not a layer") }
                tied.append(digest)
            } else if let segment = try ManifestText.segment(of: &words, in: bytes), let tensor = segment.tensor {
                tensors.append(Weights.Entry(tensor: tensor, layer: segment.layer))
            } else {
                throw lines.refuse("is not a line that an archive may have")
            }
            start = lines.position
        }
        guard paths.isEmpty || tensors.isEmpty, paths == paths.sorted(), tied == tied.sorted() else {
            throw CakeError(.damaged, "an archive whose facts are out of order")
        }
        let manifest = try ManifestText.decode(bytes.extracting(start..<bytes.count))
        try self.init(
            tied: tied, weightPaths: paths, tensors: tensors, manifest: manifest, storages == "joined", sums)
    }
}
