/// A member of a tar archive.
public struct TarMember: Hashable, Sendable {
    public enum Kind: Hashable, Sendable { case file, folder }

    /// Relative, with no part that leads out of a folder.
    public let path: FilePath
    public let kind: Kind
    public let size: UInt64

    public init(path: FilePath, kind: Kind, size: UInt64) {
        (self.path, self.kind, self.size) = (path, kind, size)
    }

    /// With the zeros behind it.
    public var paddedSize: UInt64 { TarReader.padded(size) }
}

/// Reads a tar archive of plain files and folders, as POSIX and GNU write it: header by header, of bytes that others sent.
/// Links, devices and sparse files are refused.
public struct TarReader: Sendable {
    public enum Step: Hashable, Sendable {
        /// Its bytes follow, then its padding.
        case member(TarMember)
        /// So many bytes follow, then padding: they are for `take`, and belong to the next member.
        case records(UInt64)
        /// Zeros, which end an archive.
        case zeros
    }

    public static let blockSize = TarHeader.blockSize
    private static let mostRecords: UInt64 = 1 << 20

    private var path: String?
    private var size: UInt64?

    public init() {}

    public static func padded(_ size: UInt64) -> UInt64 {
        let block = UInt64(blockSize)
        return (size + block - 1) / block * block
    }

    /// The next header, of 512 bytes.
    public mutating func step(_ block: Span<UInt8>) throws(CakeError) -> Step {
        guard block.count == TarReader.blockSize else { throw TarReader.refuse("ends inside a header") }
        if block.indices.allSatisfy({ block[$0] == 0 }) {
            guard path == nil, size == nil else { throw TarReader.refuse("ends after a header's records") }
            return .zeros
        }
        try TarReader.checkSum(of: block)
        let isPlain = TarReader.has("ustar\u{0}00", in: block, at: 257)
        guard isPlain || TarReader.has("ustar  \u{0}", in: block, at: 257) else {
            throw TarReader.refuse("has a header of an old form")
        }
        let claimed = try TarReader.number(in: block, at: 124, 12)
        switch block[156] {
        case UInt8(ascii: "x"):
            guard path == nil, size == nil else { throw TarReader.refuse("has two sets of records for one member") }
            return .records(try TarReader.recordsLength(claimed))
        case UInt8(ascii: "g"): return .records(try TarReader.recordsLength(claimed))
        case 0, UInt8(ascii: "0"), UInt8(ascii: "5"):
            let isFolder = block[156] == UInt8(ascii: "5")
            let size = try ByteCount.checked(self.size ?? claimed, of: "a member of the tar")
            guard !isFolder || size == 0 else { throw TarReader.refuse("has a folder with bytes") }
            let path = if let known = path { known } else { try TarReader.name(in: block, hasPrefix: isPlain) }
            (self.path, self.size) = (nil, nil)
            // A folder of its own is nothing to keep.
            if isFolder, ["", ".", "./"].contains(path) { return .records(0) }
            return .member(
                TarMember(path: try TarReader.path(path, isFolder), kind: isFolder ? .folder : .file, size: size))
        case let kind:
            let name = (try? path ?? TarReader.name(in: block, hasPrefix: isPlain)) ?? ""
            throw TarReader.refuse("has \(TarReader.words(kind)) \"\(Printable.escape(name))\"")
        }
    }

    /// The records that `step` announced.
    public mutating func take(_ records: Span<UInt8>) throws(CakeError) {
        var start = 0
        while start < records.count {
            var (length, position) = (0, start)
            while position < records.count, (0x30...0x39).contains(records[position]), position - start < 8 {
                length = length * 10 + Int(records[position] - 0x30)
                position += 1
            }
            guard position < records.count, records[position] == UInt8(ascii: " "), length > position + 2 - start,
                length <= records.count - start, records[start + length - 1] == lineFeed,
                let text = String(copying: records.extracting(position + 1..<start + length - 1)),
                let (key, value) = TarReader.split(text)
            else { throw TarReader.refuse("has a record that cannot be read") }
            if key.hasPrefix("GNU.sparse.") { throw TarReader.refuse("has a sparse file") }
            switch key {
            case "path" where path == nil: path = value
            case "size" where size == nil:
                guard let number = UInt64(value), String(number) == value else {
                    throw TarReader.refuse("has a size that is no number")
                }
                size = number
            case "path", "size": throw TarReader.refuse("has the record \(key) twice")
            default: break
            }
            start += length
        }
    }

    private static func split(_ text: String) -> (String, String)? {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (String(text[..<equals]), String(text[text.utf8.index(after: equals)...]))
    }

    private static func recordsLength(_ size: UInt64) throws(CakeError) -> UInt64 {
        guard size <= mostRecords else { throw refuse("has records of \(size) bytes before a member") }
        return size
    }

    private static func checkSum(of block: Span<UInt8>) throws(CakeError) {
        var sum: UInt64 = 0
        for index in block.indices { sum += (148..<156).contains(index) ? 0x20 : UInt64(block[index]) }
        guard try number(in: block, at: 148, 8) == sum else { throw refuse("has a header whose checksum is wrong") }
    }

    /// Octal digits that spaces or zeros end, or 256 to the power of places where the first bit is set.
    private static func number(in block: Span<UInt8>, at start: Int, _ length: Int) throws(CakeError) -> UInt64 {
        let field = block.extracting(start..<start + length)
        var number: UInt64 = 0
        if field[0] & 0x80 != 0 {
            guard field[0] == 0x80, (1..<max(1, length - 8)).allSatisfy({ field[$0] == 0 }) else {
                throw refuse("has a number that is too large")
            }
            for index in max(1, length - 8)..<length { number = number << 8 | UInt64(field[index]) }
            return number
        }
        var index = 0
        while index < length, field[index] == UInt8(ascii: " ") { index += 1 }
        while index < length, (0x30...0x37).contains(field[index]) {
            number = number << 3 | UInt64(field[index] - 0x30)
            index += 1
        }
        guard (index..<length).allSatisfy({ field[$0] == 0 || field[$0] == UInt8(ascii: " ") }) else {
            throw refuse("has a number that is none")
        }
        return number
    }

    private static func has(_ text: String, in block: Span<UInt8>, at start: Int) -> Bool {
        text.utf8.enumerated().allSatisfy { block[start + $0.offset] == $0.element }
    }

    private static func name(in block: Span<UInt8>, hasPrefix: Bool) throws(CakeError) -> String {
        func field(_ start: Int, _ length: Int) throws(CakeError) -> String {
            var end = start
            while end < start + length, block[end] != 0 { end += 1 }
            guard let text = String(copying: block.extracting(start..<end)) else {
                throw refuse("has a name that is not UTF-8")
            }
            return text
        }
        let prefix = hasPrefix ? try field(345, 155) : ""
        return (prefix.isEmpty ? "" : prefix + "/") + (try field(0, 100))
    }

    /// `./a`, as `tar -C DIR .` writes it, is `a`; folders end with a slash.
    private static func path(_ text: String, _ isFolder: Bool) throws(CakeError) -> FilePath {
        var rest = Substring(text)
        while rest.utf8.starts(with: "./".utf8) { rest = Substring(rest.utf8.dropFirst(2)) }
        if isFolder, rest.utf8.last == UInt8(ascii: "/") { rest = Substring(rest.utf8.dropLast()) }
        do {
            return try FilePath(String(rest))
        } catch {
            throw refuse("is refused: \(error.what)")
        }
    }

    private static func words(_ kind: UInt8) -> String {
        switch kind {
        case UInt8(ascii: "1"): "a hard link"
        case UInt8(ascii: "2"): "a symbolic link"
        case UInt8(ascii: "3"), UInt8(ascii: "4"): "a device"
        case UInt8(ascii: "6"): "a named pipe"
        case UInt8(ascii: "L"), UInt8(ascii: "K"): "a name of GNU's form"
        case UInt8(ascii: "S"): "a sparse file"
        default: "a member of unknown kind \(kind)"
        }
    }

    static func refuse(_ why: String) -> CakeError { CakeError(.damaged, "the tar \(why)") }
}
