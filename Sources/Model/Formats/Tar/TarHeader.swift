/// The blocks before a file in a tar archive: one POSIX block, and another with a record for values that do not fit.
public enum TarHeader {
    public static let blockSize = 512

    /// Of a plain file that its owner may write and others read, from the first day of 1970: the same model, the same bytes.
    public static func of(_ path: FilePath, size: UInt64) -> [UInt8] {
        let name = Array(path.string.utf8)
        var records: [UInt8] = []
        if name.count > 100 { records += record("path", path.string) }
        if size > largest { records += record("size", String(size)) }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes = block(Array("PaxHeader".utf8), size: UInt64(records.count), kind: "x") + records
            bytes += padding(UInt64(records.count))
        }
        return bytes + block(Array(name.prefix(100)), size: min(size, largest), kind: "0")
    }

    /// Zeros up to the next block.
    public static func padding(_ size: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: (blockSize - Int(size % UInt64(blockSize))) % blockSize)
    }

    public static let end = [UInt8](repeating: 0, count: 2 * blockSize)

    /// Eleven octal digits.
    private static let largest: UInt64 = (1 << 33) - 1

    private static func block(_ name: [UInt8], size: UInt64, kind: Unicode.Scalar) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: blockSize)
        func put(_ text: [UInt8], at place: Int) {
            for (index, byte) in text.enumerated() { bytes[place + index] = byte }
        }
        func octal(_ number: UInt64, _ digits: Int) -> [UInt8] {
            let text = String(number, radix: 8)
            return Array((String(repeating: "0", count: digits - text.utf8.count) + text).utf8)
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(0, 11), at: 136)
        put(Array("        ".utf8), at: 148)
        bytes[156] = UInt8(ascii: kind)
        put(Array("ustar\u{0}00".utf8), at: 257)
        let sum = bytes.reduce(0) { $0 + UInt64($1) }
        put(octal(sum, 6) + [0], at: 148)
        return bytes
    }

    /// `30 path=…`: its length, which counts itself, in decimal.
    private static func record(_ key: String, _ value: String) -> [UInt8] {
        let rest = key.utf8.count + value.utf8.count + 3
        var length = rest + 1
        while rest + String(length).utf8.count != length { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=\(value)\n".utf8)
    }
}
