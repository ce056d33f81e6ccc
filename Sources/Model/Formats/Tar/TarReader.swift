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

    /// Of the next member.
    private var records: PaxRecords?
    private var isGlobal = false

    public init() {}

    public static func padded(_ size: UInt64) -> UInt64 {
        let block = UInt64(blockSize)
        return (size + block - 1) / block * block
    }

    /// The next header, of 512 bytes.
    public mutating func step(_ block: Span<UInt8>) throws(CakeError) -> Step {
        guard block.count == TarReader.blockSize else { throw TarReader.refuse("ends inside a header") }
        if block.indices.allSatisfy({ block[$0] == 0 }) {
            guard records == nil else { throw TarReader.refuse("ends after a header's records") }
            return .zeros
        }
        let header = try TarBlock(block)
        guard header.isOfPOSIX else { throw TarReader.refuse("has a header of an old form") }
        switch header.type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"):
            guard records == nil else { throw TarReader.refuse("has two sets of records for one member") }
            isGlobal = header.type == UInt8(ascii: "g")
            return .records(try TarReader.recordsLength(header.size))
        default: break
        }
        let (name, size) = (records?.path ?? header.name, records?.size ?? header.size)
        records = nil
        let isFolder: Bool
        switch header.kind(named: name) {
        case .file: isFolder = false
        case .folder: isFolder = true
        case .other(let kind):
            let shown = Printable.escape(String(decoding: name, as: UTF8.self))
            let isLongName = [UInt8(ascii: "L"), UInt8(ascii: "K")].contains(header.type)
            let what = isLongName ? "a name of GNU's form" : kind.hasPrefix("of ") ? "a member \(kind)" : kind
            throw TarReader.refuse("has \(what): \"\(shown)\"")
        }
        guard !isFolder || size == 0 else { throw TarReader.refuse("has a folder with bytes") }
        guard let path = String(copying: name.span) else { throw TarReader.refuse("has a name that is not UTF-8") }
        // A folder of its own is nothing to keep.
        if isFolder, ["", ".", "./"].contains(path) { return .records(0) }
        return .member(
            TarMember(path: try TarReader.path(path, isFolder), kind: isFolder ? .folder : .file, size: size))
    }

    /// The records that `step` announced.
    public mutating func take(_ bytes: Span<UInt8>) throws(CakeError) {
        let found = try PaxRecords(bytes)
        guard !isGlobal else {
            guard found.path == nil, found.size == nil else {
                throw TarReader.refuse("has a path or a size for all of its members")
            }
            return
        }
        records = found.isEmpty ? nil : found
    }

    private static func recordsLength(_ size: UInt64) throws(CakeError) -> UInt64 {
        guard size <= mostRecords else { throw refuse("has records of \(size) bytes before a member") }
        return size
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

    static func refuse(_ why: String) -> CakeError { CakeError(.damaged, "the tar \(why)") }
}
