/// The blocks before a file or a folder in a layer of an image, as Go's archive/tar and GNU tar's ustar write them. They decide
/// digests, and never change. An export's archive has others: `TarHeader`.
enum LayerHeader {
    static let blockSize = 512
    static let end = [UInt8](repeating: 0, count: 2 * blockSize)

    /// Zeros up to the next block.
    static func padding(_ size: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: (blockSize - Int(size % UInt64(blockSize))) % blockSize)
    }

    /// `path` ends with a slash.
    static func folder(_ path: String) -> [UInt8] { header(path, size: 0, kind: "5", mode: 0o755) }

    static func file(_ path: String, size: UInt64) -> [UInt8] { header(path, size: size, kind: "0", mode: 0o644) }

    /// Eleven octal digits.
    private static let largest: UInt64 = (1 << 33) - 1
    private static let longestName = 100
    private static let longestPrefix = 155

    private static func header(_ path: String, size: UInt64, kind: Unicode.Scalar, mode: UInt64) -> [UInt8] {
        let name = Array(path.utf8)
        let fields = split(name)
        var records: [UInt8] = []
        if fields == nil { records += record("path", path) }
        if size > largest { records += record("size", String(size)) }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes = Block(named: extendedName(path), kind: "x", size: UInt64(records.count)).summed + records
            bytes += padding(UInt64(records.count))
        }
        let (prefix, last) = fields ?? ([], Array(ascii(name).prefix(longestName)))
        var block = Block(named: last, kind: kind, size: size > largest ? 0 : size, mode: mode)
        block.put(prefix, at: 345)
        // Only the entry itself has them, as Go writes it.
        block.put(octal(0, 7), at: 329)
        block.put(octal(0, 7), at: 337)
        return bytes + block.summed
    }

    /// A prefix and a name that fit their fields; nil where a record is needed.
    private static func split(_ name: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        guard name.allSatisfy({ $0 < 0x80 }) else { return nil }
        if name.count <= longestName { return ([], name) }
        // A folder's own slash is no place to split at.
        let room = name.count > longestPrefix + 1 ? longestPrefix + 1 : name.count - (name.last == slash ? 1 : 0)
        guard let place = name[..<room].lastIndex(of: slash), place > 0, name.count - place - 1 <= longestName else {
            return nil
        }
        return (Array(name[..<place]), Array(name[(place + 1)...]))
    }

    /// `models/PaxHeaders.0/big.safetensors`: readers pass over it.
    private static func extendedName(_ path: String) -> [UInt8] {
        let parts = path.utf8.split(separator: slash).map { Array($0) }
        let all = parts.dropLast() + [Array("PaxHeaders.0".utf8)] + parts.suffix(1)
        return Array(ascii(Array(all.joined(separator: [slash]))).prefix(longestName))
    }

    private static func ascii(_ name: [UInt8]) -> [UInt8] { name.filter { $0 < 0x80 } }

    /// `30 path=…`: its length, which counts itself, in decimal.
    private static func record(_ key: String, _ value: String) -> [UInt8] {
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + 1
        while rest + String(length).utf8.count != length { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=\(value)\n".utf8)
    }

    private static let slash = UInt8(ascii: "/")

    fileprivate static func octal(_ number: UInt64, _ digits: Int) -> [UInt8] {
        let text = String(number, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
    }
}

/// One block with the fields that all headers have.
private struct Block {
    private var bytes = [UInt8](repeating: 0, count: LayerHeader.blockSize)

    init(named name: [UInt8], kind: Unicode.Scalar, size: UInt64, mode: UInt64 = 0) {
        put(name, at: 0)
        put(LayerHeader.octal(mode, 7), at: 100)
        put(LayerHeader.octal(0, 7), at: 108)
        put(LayerHeader.octal(0, 7), at: 116)
        put(LayerHeader.octal(size, 11), at: 124)
        put(LayerHeader.octal(0, 11), at: 136)
        put(Array("        ".utf8), at: 148)
        bytes[156] = UInt8(ascii: kind)
        put(Array("ustar\u{0}00".utf8), at: 257)
    }

    mutating func put(_ text: [UInt8], at place: Int) {
        for (index, byte) in text.enumerated() { bytes[place + index] = byte }
    }

    var summed: [UInt8] {
        var block = self
        block.put(LayerHeader.octal(bytes.reduce(0) { $0 + UInt64($1) }, 6) + [0], at: 148)
        return block.bytes
    }
}
