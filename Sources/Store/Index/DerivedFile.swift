internal import Model
internal import Platform

/// Files that searches keep and that can be made again from the rest of the store: a mark, what they hold, and at the end the SHA-256 of
/// all bytes before, which a torn file lacks.
enum DerivedFile {
    static let longest = 1 << 30

    static func summed(_ bytes: [UInt8]) -> [UInt8] { bytes + SHA256.digest(of: bytes.span).bytes }

    /// Between the mark and the sum; nil for a torn or damaged file.
    static func body(of bytes: Span<UInt8>, _ mark: [UInt8]) -> Range<Int>? {
        let end = bytes.count - Digest.byteCount
        guard end >= mark.count, mark.indices.allSatisfy({ bytes[$0] == mark[$0] }),
            Digest(bytes: bytes.extracting(end..<bytes.count)) == SHA256.digest(of: bytes.extracting(0..<end))
        else { return nil }
        return mark.count..<end
    }
}

extension LocalStore {
    /// The whole file at once, in a folder of its own. Not synced: a power cut costs the file.
    func replaceDerived(_ path: String, with bytes: [UInt8]) throws(CakeError) {
        let aside = try Disk.makeUniqueFolder(in: layout.incoming, prefix: "derived-")
        defer { try? Disk.removeTree(aside) }
        try File(aside + "/new", .create).write(bytes.span, at: 0)
        try Disk.makeFolders(Disk.parent(of: path))
        try Disk.rename(aside + "/new", to: path)
    }
}
