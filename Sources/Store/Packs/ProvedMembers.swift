public import Model
internal import Platform

/// Members that this store itself sent to a registry, or downloaded from there and verified: which layer is where in
/// which pack. Nothing else in the store depends on this; without it a push reads more of the layers that it reuses.
/// Drawn in docs/layout.md.
public struct ProvedMembers: Sendable {
    private var known: Set<Digest>
    private var added: Set<Digest> = []
    private let path: String
    private let lock: String

    private static let mark = Array("cake proved 1\n".utf8)
    /// Of 32 bytes each. Above this number it starts again.
    private static let most = 1 << 20
    private static var largest: Int { mark.count + most * Digest.byteCount }

    /// For one registry: two registries may have different blobs under one digest.
    init(at registry: RegistryRoutes, in layout: Layout, forgotten: Bool) {
        path = layout.proved + "/" + registry.fileName
        lock = layout.lock("proved")
        known = forgotten ? [] : ProvedMembers.read(path)
    }

    /// A file that is missing or damaged proves nothing.
    private static func read(_ path: String) -> Set<Digest> {
        guard let bytes = try? Disk.read(path, limit: largest), bytes.starts(with: mark) else { return [] }
        var known: Set<Digest> = []
        let body = bytes.span.extracting(mark.count..<bytes.count)
        for start in stride(from: 0, to: body.count - body.count % Digest.byteCount, by: Digest.byteCount) {
            if let digest = Digest(bytes: body.extracting(start..<start + Digest.byteCount)) { known.insert(digest) }
        }
        return known
    }

    public func contains(_ member: PackIndex.Member, in pack: Digest) -> Bool {
        known.contains(ProvedMembers.name(member, pack))
    }

    public mutating func add(_ member: PackIndex.Member, in pack: Digest) {
        let name = ProvedMembers.name(member, pack)
        if known.insert(name).inserted { added.insert(name) }
    }

    /// All fields that say where a layer is and how it is read.
    private static func name(_ member: PackIndex.Member, _ pack: Digest) -> Digest {
        var bytes = pack.bytes + member.layer.digest.bytes
        for number in [member.layer.size, member.offset, member.length] { bytes.append(littleEndian: number) }
        bytes += [member.transform, member.base == nil ? 0 : 1]
        bytes += member.base?.bytes ?? []
        return SHA256.digest(of: bytes.span)
    }

    /// Adds to entries that other commands have written meanwhile.
    public mutating func save() throws(CakeError) {
        guard !added.isEmpty else { return }
        try Disk.makeFolders(Disk.parent(of: path))
        let file = try File(lock, .readWriteOrCreate)
        _ = try file.lock(exclusive: true, waiting: true)
        defer { file.unlock() }
        var all = ProvedMembers.read(path).union(added)
        if all.count > ProvedMembers.most { all = added }
        var bytes = ProvedMembers.mark
        bytes.reserveCapacity(bytes.count + all.count * Digest.byteCount)
        for digest in all.sorted().prefix(ProvedMembers.most) { bytes += digest.bytes }
        try Disk.replace(path, with: bytes)
        added = []
    }
}

extension LocalStore {
    /// With `forgotten` it ignores earlier entries, and adds to them.
    public func provedMembers(at registry: RegistryRoutes, forgotten: Bool = false) -> ProvedMembers {
        ProvedMembers(at: registry, in: layout, forgotten: forgotten)
    }
}
