/// Layers that a store has, as text: `cake have` prints it, `cake save --not-in` reads it. Written in the order of the
/// digests, each once; read in any order.
///
///     cake have 1
///     <sha256> <bytes>
public struct LayerList: Hashable, Sendable {
    static let firstLine = "cake have 1"

    /// More than three million layers.
    public static let maximumSize = 256 << 20

    /// Sorted by digest, each once.
    public let layers: [Layer]

    public init(_ layers: some Sequence<Layer>) {
        var sorted: [Layer] = []
        for layer in layers.sorted(by: { $0.digest < $1.digest }) where sorted.last?.digest != layer.digest {
            sorted.append(layer)
        }
        self.layers = sorted
    }

    public static let none = LayerList([])

    public var isEmpty: Bool { layers.isEmpty }

    public func contains(_ layer: Layer) -> Bool { size(of: layer.digest) == layer.size }

    /// Nil if it is not in the list.
    public func size(of digest: Digest) -> UInt64? {
        let place = layers.partitioningIndex { !($0.digest < digest) }
        return place < layers.count && layers[place].digest == digest ? layers[place].size : nil
    }

    /// Those of both.
    public func joined(with other: LayerList) -> LayerList { LayerList(layers + other.layers) }

    public static func line(_ layer: Layer) -> String { "\(layer.digest.hex) \(layer.size)" }

    public var encoded: [UInt8] {
        var bytes = Array((LayerList.firstLine + "\n").utf8)
        bytes.reserveCapacity(bytes.count + layers.count * 80)
        for layer in layers {
            layer.digest.appendHex(to: &bytes)
            bytes += " \(layer.size)\n".utf8
        }
        return bytes
    }

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        var lines = Lines()
        guard let first = lines.next(in: bytes), let text = first.text(in: bytes), text.hasPrefix("cake have ") else {
            throw CakeError(
                .usage, "it is not a list of layers", fix: "make one with cake have > LIST in the other store")
        }
        guard text == LayerList.firstLine else {
            throw CakeError(
                .damaged, "it is a list of another version: \(Printable.escape(text))",
                fix: "use the same cake in both places", cause: .newer)
        }
        var layers: [Layer] = []
        while var line = lines.next(in: bytes) {
            guard let digest = line.digest(in: bytes), let size = line.number(in: bytes), line.isAtEnd else {
                throw lines.refuse("is not a digest and a size")
            }
            layers.append(Layer(digest: digest, size: try ByteCount.checked(size, of: "layer \(digest.short)")))
        }
        guard lines.isAtEnd(of: bytes) else { throw lines.refuse("does not end") }
        layers.sort { $0.digest < $1.digest }
        for (left, right) in zip(layers, layers.dropFirst()) where left.digest == right.digest {
            guard left.size == right.size else {
                throw CakeError(.damaged, "layer \(left.digest.short) has two sizes in it")
            }
        }
        self.init(layers)
    }
}
