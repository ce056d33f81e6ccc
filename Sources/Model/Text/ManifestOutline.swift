/// What counting needs of a manifest: layers and sums, without a String for each name.
public struct ManifestOutline: Sendable {
    public private(set) var files = 0
    /// Of all files.
    public private(set) var size: UInt64 = 0
    public private(set) var tensors = 0
    public private(set) var parameters: UInt64 = 0
    /// In order; one that comes twice is here twice.
    public private(set) var layers: [Layer] = []
    /// Whether a file without tensors is GGUF by its name: its header has more to say.
    public private(set) var mayHaveCounts = false

    private init() {}

    public init(of manifest: Manifest) {
        for file in manifest.files {
            let before = tensors
            for segment in file.segments { add(segment.layer, elements: segment.tensor.map { $0.elements ?? 0 }) }
            add(size: file.size, isGGUF: file.path.string.lowercased().hasSuffix(".gguf"), tensorsBefore: before)
        }
    }

    private mutating func add(_ layer: Layer, elements: UInt64?) {
        layers.append(layer)
        guard let elements else { return }
        tensors += 1
        parameters &+= elements
    }

    private mutating func add(size more: UInt64, isGGUF: Bool, tensorsBefore: Int) {
        files += 1
        size &+= more
        if isGGUF, tensors == tensorsBefore { mayHaveCounts = true }
    }

    /// Of the text of a manifest whose digest was checked; nil where the text is not as `ManifestText` writes it, which `decode`
    /// then explains.
    public init?(_ bytes: Span<UInt8>) {
        self.init()
        var lines = Lines()
        guard let first = lines.next(in: bytes), first.text(in: bytes) == ManifestText.firstLine else { return nil }
        layers.reserveCapacity(bytes.count / 100)
        var open: (size: UInt64, isGGUF: Bool, tensors: Int, sum: UInt64)?
        func close(_ outline: inout ManifestOutline) -> Bool {
            guard let file = open else { return true }
            outline.add(size: file.size, isGGUF: file.isGGUF, tensorsBefore: file.tensors)
            return file.sum == file.size
        }
        while let line = lines.next(in: bytes) {
            var words = line
            if words.skip(prefix: "file ", in: bytes) {
                guard close(&self), words.digest(in: bytes) != nil, let size = words.number(in: bytes),
                    size <= ByteCount.maximum, !words.isAtEnd
                else { return nil }
                open = (size, words.ends(with: ".gguf", in: bytes), tensors, 0)
                continue
            }
            guard let sum = open?.sum, let digest = words.digest(in: bytes), let size = words.number(in: bytes),
                size <= ByteCount.maximum
            else { return nil }
            open?.sum = sum.clampedSum(size)
            var elements: UInt64?
            if !words.isAtEnd {
                guard words.dtype(in: bytes) != nil, let shape = words.shape(in: bytes), !words.isAtEnd else {
                    return nil
                }
                elements = Tensor.elements(of: shape) ?? 0
            }
            add(Layer(digest: digest, size: size), elements: elements)
        }
        guard close(&self), lines.isAtEnd(of: bytes) else { return nil }
    }
}
