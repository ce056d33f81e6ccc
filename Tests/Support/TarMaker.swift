/// Tar archives as strangers might write them: each field is what a test wants.
public struct TarMaker: Sendable {
    public var bytes: [UInt8] = []

    public init() {}

    /// Files in folders of their own, as a tool would write them.
    public init(_ files: [(path: String, bytes: [UInt8])]) {
        for file in files { add(file.path, file.bytes) }
        end()
    }

    public mutating func add(_ path: String, _ content: [UInt8] = [], type: Unicode.Scalar = "0") {
        header(path, size: String(content.count, radix: 8), type: type)
        put(content)
    }

    public mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    /// With padding.
    public mutating func put(_ content: [UInt8]) {
        bytes += content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// One header whose size is any text, or any bytes.
    public mutating func header(
        _ path: String, size: String, type: Unicode.Scalar = "0", sizeBytes: [UInt8]? = nil, prefix: String = "",
        magic: String = "ustar\u{0}00", checksum: Int? = nil
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Sequence<UInt8>, at place: Int) {
            for (index, byte) in text.enumerated() { block[place + index] = byte }
        }
        func octal(_ text: String, _ digits: Int) -> [UInt8] {
            Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
        }
        put(Array(path.utf8).prefix(100), at: 0)
        for place in [100, 108, 116] { put(octal("644", 7), at: place) }
        put(sizeBytes ?? octal(size, 11), at: 124)
        put(octal("0", 11), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = UInt8(ascii: type)
        put(Array(magic.utf8), at: 257)
        put(Array(prefix.utf8).prefix(155), at: 345)
        let sum = checksum ?? block.reduce(0) { $0 + Int($1) }
        put(octal(String(sum, radix: 8), 6) + [0], at: 148)
        bytes += block
    }

    /// Records before the next entry, each with its length.
    public mutating func pax(_ records: [(String, String)], type: Unicode.Scalar = "x") {
        raw(records.map { TarMaker.record($0.0, $0.1) }.joined(), type: type)
    }

    /// The same, as it is.
    public mutating func raw(_ text: String, type: Unicode.Scalar) {
        header("PaxHeaders/x", size: String(text.utf8.count, radix: 8), type: type)
        put(Array(text.utf8))
    }

    public static func record(_ key: String, _ value: String) -> String {
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + 1
        while rest + "\(length)".utf8.count != length { length = rest + "\(length)".utf8.count }
        return "\(length) \(key)=\(value)\n"
    }
}
