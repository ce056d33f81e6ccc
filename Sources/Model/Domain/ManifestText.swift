/// The one canonical encoding of a manifest. Its SHA-256 names the model, so the bytes that were hashed are kept and
/// never made again.
///
///     cake manifest 1
///     file <sha256> <bytes> <path>
///     <sha256> <bytes>                            a header or other bytes
///     <sha256> <bytes> <dtype> <shape> <name>     a tensor; its shape as 4096x32, or - for a scalar
///
/// One space between words, a line feed after each line, numbers in decimal without leading zeros. The last word runs to
/// the end of its line; control characters and % are written as %XX in it.
public enum ManifestText {
    static let firstLine = "cake manifest 1"

    /// A manifest of a million tensors is half of this.
    public static let maximumSize = 512 << 20

    public static func encode(_ manifest: Manifest) -> [UInt8] {
        var bytes = Array((firstLine + "\n").utf8)
        for file in manifest.files {
            bytes += "file ".utf8
            append(Layer(digest: file.digest, size: file.size), to: &bytes)
            bytes.append(space)
            Escaped.append(file.path.string, to: &bytes)
            bytes.append(lineFeed)
            for segment in file.segments { append(segment, to: &bytes) }
        }
        return bytes
    }

    private static let space = UInt8(ascii: " ")

    /// A line of its own.
    static func append(_ segment: Manifest.Segment, to bytes: inout [UInt8]) {
        append(segment.layer, to: &bytes)
        if let tensor = segment.tensor { append(tensor, to: &bytes) }
        bytes.append(lineFeed)
    }

    private static func append(_ layer: Layer, to bytes: inout [UInt8]) {
        layer.digest.appendHex(to: &bytes)
        bytes.append(space)
        append(layer.size, to: &bytes)
    }

    private static func append(_ tensor: Tensor, to bytes: inout [UInt8]) {
        bytes.append(space)
        bytes += tensor.dtype.rawValue.utf8
        bytes.append(space)
        if tensor.shape.isEmpty { bytes.append(UInt8(ascii: "-")) }
        for (index, dimension) in tensor.shape.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: "x")) }
            append(dimension, to: &bytes)
        }
        bytes.append(space)
        Escaped.append(tensor.name.string, to: &bytes)
    }

    /// In decimal, without a String in between.
    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// The rest of a line of that kind.
    static func segment(of words: inout Words, in bytes: Span<UInt8>) throws(CakeError) -> Manifest.Segment? {
        guard let digest = words.digest(in: bytes), let size = words.number(in: bytes) else { return nil }
        try ByteCount.checked(size, of: "layer \(digest.short)")
        let layer = Layer(digest: digest, size: size)
        if words.isAtEnd { return Manifest.Segment(layer: layer, tensor: nil) }
        guard let dtype = words.dtype(in: bytes), let shape = words.shape(in: bytes),
            let name = words.escaped(in: bytes)
        else { return nil }
        return Manifest.Segment(layer: layer, tensor: Tensor(name: ExactText(name), dtype: dtype, shape: shape))
    }

    public static func decode(_ bytes: Span<UInt8>) throws(CakeError) -> Manifest {
        guard bytes.count <= maximumSize else {
            throw CakeError(.damaged, "a manifest of \(bytes.count) bytes is too large")
        }
        var lines = Lines()
        guard let first = lines.next(in: bytes) else { throw lines.refuse("has no first line") }
        guard first.text(in: bytes) == firstLine else {
            throw CakeError(
                .damaged,
                "not a manifest this cake can read: it begins \"\(Printable.escape(first.text(in: bytes) ?? "?"))\"",
                fix: "a newer cake may have written it")
        }
        var files: [Manifest.File] = []
        var open: (path: FilePath, digest: Digest, size: UInt64)?
        var segments: [Manifest.Segment] = []
        func close() throws(CakeError) {
            guard let file = open else { return }
            files.append(try Manifest.File(path: file.path, digest: file.digest, size: file.size, segments: segments))
            segments.removeAll(keepingCapacity: true)
        }
        while let line = lines.next(in: bytes) {
            var words = line
            if words.skip(prefix: "file ", in: bytes) {
                try close()
                guard let digest = words.digest(in: bytes), let size = words.number(in: bytes),
                    let path = words.escaped(in: bytes)
                else { throw lines.refuse("is not a file line") }
                open = (try FilePath(path), digest, size)
                continue
            }
            guard open != nil, let segment = try segment(of: &words, in: bytes) else {
                throw lines.refuse("is not the line of a layer or a tensor")
            }
            segments.append(segment)
        }
        try close()
        guard lines.isAtEnd(of: bytes) else { throw lines.refuse("does not end") }
        let manifest = try Manifest(files: files)
        guard zip(manifest.files, files).allSatisfy({ $0.path == $1.path }) else {
            throw CakeError(.damaged, "a manifest whose files are out of order")
        }
        return manifest
    }
}
