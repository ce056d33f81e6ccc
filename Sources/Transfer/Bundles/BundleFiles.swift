internal import Model
internal import Platform

/// The files of a bundle on this disk: a tar, one of several tars behind each other, or a folder.
struct BundleFiles: Sendable {
    struct Place: Sendable {
        let file: File
        let start: UInt64
        let size: UInt64
    }

    /// For messages.
    let label: String
    private let members: [FilePath: Place]
    private let folder: String?
    /// Read instead of members.
    private var made: [FilePath: [UInt8]] = [:]

    private init(_ label: String, _ members: [FilePath: Place], folder: String? = nil) {
        (self.label, self.members, self.folder) = (label, members, folder)
    }

    /// A bundle has a few hundred members, and ten thousand at most.
    static let mostMembers = 1 << 16

    /// The bundles in a file: more than one where parts were joined.
    static func inFile(_ path: String) throws(CakeError) -> [BundleFiles] {
        let file = try File(path, .read)
        let size = try file.size()
        let label = Printable.escape(path)
        guard size >= UInt64(TarReader.blockSize) else { throw notOne(label) }
        var (found, members) = ([BundleFiles](), [FilePath: Place]())
        var reader = TarReader()
        var (offset, count) = (UInt64(0), 0)
        let block = Chunk(capacity: TarReader.blockSize)
        do throws(CakeError) {
            while offset + UInt64(TarReader.blockSize) <= size {
                try file.fill(block, from: offset, count: TarReader.blockSize)
                offset += UInt64(TarReader.blockSize)
                switch try block.withBytes({ bytes throws(CakeError) in try reader.step(bytes) }) {
                case .zeros:
                    if !members.isEmpty { found.append(BundleFiles(label, members)) }
                    members = [:]
                case .records(let length):
                    guard length <= size - offset else { throw TarReader.endsEarly() }
                    let records = try file.bytes(at: offset, count: Int(length))
                    try reader.take(records.span)
                    offset += TarReader.padded(length)
                case .member(let member):
                    count += 1
                    guard count <= mostMembers else { throw TarReader.tooMany(mostMembers) }
                    guard member.size <= size - offset else { throw TarReader.endsEarly(in: member.path) }
                    if member.kind == .file {
                        let place = Place(file: file, start: offset, size: member.size)
                        guard members.updateValue(place, forKey: member.path) == nil else {
                            throw TarReader.doubled(member.path)
                        }
                    }
                    offset += member.paddedSize
                }
            }
        } catch {
            guard offset > UInt64(TarReader.blockSize) else { throw notOne(label) }
            throw error.at(label)
        }
        if !members.isEmpty { found.append(BundleFiles(label, members)) }
        return found
    }

    static func inFolder(_ path: String) -> BundleFiles {
        BundleFiles(Printable.escape(path), [:], folder: path)
    }

    static func notOne(_ label: String) -> CakeError {
        CakeError(
            .usage, "\(label) is not a bundle: it is no tar and no folder of an OCI image layout",
            fix: "cake save NAME -o FILE makes a bundle; cake import takes models in other forms")
    }

    /// The same with other names for its members, and with files that are not in it.
    func renamed(_ members: [FilePath: Place], with made: [FilePath: [UInt8]]) -> BundleFiles {
        var files = BundleFiles(label, members)
        files.made = made
        return files
    }

    func place(_ path: FilePath) throws(CakeError) -> Place? {
        guard let folder else { return members[path] }
        let full = Disk.join(folder, path.string)
        guard let status = try Disk.status(full, followingLinks: false) else { return nil }
        guard status.kind == .file else {
            throw CakeError(.damaged, "\(Printable.escape(full)) is not a plain file")
        }
        let file = try File(full, .read, followingLinks: false)
        return Place(file: file, start: 0, size: try file.size())
    }

    func place(of blob: BlobName) throws(CakeError) -> Place? { try place(FilePath(BundleIndex.path(of: blob))) }

    func bytes(_ path: String, limit: Int) throws(CakeError) -> [UInt8]? {
        if let made = made[try FilePath(path)] { return made }
        guard let place = try place(FilePath(path)) else { return nil }
        guard place.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(label): \(path) has \(place.size) bytes, and the limit is \(limit)")
        }
        return try place.file.bytes(at: place.start, count: Int(place.size))
    }
}

extension TarReader {
    static func endsEarly(in path: FilePath? = nil) -> CakeError {
        CakeError(
            .damaged, "the tar ends inside \(path.map { "\($0)" } ?? "a header")",
            fix: "it was not written or copied to its end: save or copy it again")
    }

    static func doubled(_ path: FilePath) -> CakeError { CakeError(.damaged, "the tar has two members \(path)") }

    static func tooMany(_ most: Int) -> CakeError {
        CakeError(.damaged, "the tar has more than \(most) members, and no bundle has so many")
    }
}
