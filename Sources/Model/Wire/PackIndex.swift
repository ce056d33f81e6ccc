/// Where each layer is in a registry: the packs of a model, and each layer's place in one of them. Drawn in
/// docs/wire.md.
public struct PackIndex: Hashable, Sendable {
    public struct Pack: Hashable, Sendable {
        public let digest: Digest
        public let size: UInt64

        public init(digest: Digest, size: UInt64) {
            self.digest = digest
            self.size = size
        }
    }

    /// A layer's object in a pack.
    public struct Member: Hashable, Sendable {
        public let layer: Layer
        /// Of the object's bytes.
        public let stored: Digest
        public let length: UInt64
        public let offset: UInt64
        /// Its place among the index's packs.
        public let pack: Int
        /// How the object is encoded; a number, since a newer cake may have written it.
        public let transform: UInt8
        /// The layer it is a delta of.
        public let base: Digest?

        public init(
            layer: Layer, stored: Digest, length: UInt64, offset: UInt64, pack: Int, transform: UInt8,
            base: Digest? = nil
        ) {
            self.layer = layer
            self.stored = stored
            self.length = length
            self.offset = offset
            self.pack = pack
            self.transform = transform
            self.base = base
        }

        /// In its pack.
        public var bytes: Range<UInt64> { offset..<offset + length }
    }

    public let packs: [Pack]
    /// Sorted by layer, each layer once.
    public let members: [Member]

    /// Refuses an inconsistent index: a pack or a layer twice, members outside their pack or over one another, and a
    /// delta whose base is not here, of another size, or a delta itself. Sizes are checked first: all other checks
    /// compute with them. A base may also be one of `besides`, which the reader has.
    public init(packs: [Pack], members: [Member], besides: LayerList = .none) throws(CakeError) {
        guard Set(packs.map(\.digest)).count == packs.count else { throw PackIndex.refuse("names a pack twice") }
        var (stored, plain) = (ByteTotal(), ByteTotal())
        for pack in packs { try stored.add(pack.size, of: "pack \(pack.digest.short)") }
        for member in members { try plain.add(member.layer.size, of: "layer \(member.layer.digest.short)") }
        let sorted = members.sorted { $0.layer.digest < $1.layer.digest }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.layer.digest == right.layer.digest {
            throw PackIndex.refuse("names layer \(left.layer.digest.short) twice")
        }
        self.packs = packs
        self.members = sorted
        for member in sorted {
            guard packs.indices.contains(member.pack), member.length > 0, member.layer.size > 0,
                member.offset <= packs[member.pack].size, member.length <= packs[member.pack].size - member.offset
            else { throw PackIndex.refuse("has layer \(member.layer.digest.short) outside its pack") }
            guard let base = member.base else { continue }
            let other = self[base]
            if other == nil, besides.size(of: base) == member.layer.size { continue }
            guard let other, other.base == nil, other.layer.size == member.layer.size else {
                throw PackIndex.refuse(
                    "has layer \(member.layer.digest.short) as a delta of \(base.short), which it does not have as a plain layer"
                )
            }
        }
        let placed = sorted.sorted { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
        for (left, right) in zip(placed, placed.dropFirst())
        where left.pack == right.pack && left.bytes.upperBound > right.offset {
            throw PackIndex.refuse("has two layers in the same bytes of pack \(packs[left.pack].digest.short)")
        }
    }

    /// The place of a layer; nil if it is not here.
    public subscript(layer: Digest) -> Member? {
        let place = members.partitioningIndex { !($0.layer.digest < layer) }
        return place < members.count && members[place].layer.digest == layer ? members[place] : nil
    }

    static func refuse(_ why: String) -> CakeError {
        CakeError(.damaged, "the index of packs \(why)", fix: "push the model again")
    }
}

extension PackIndex {
    private static let mark = Array("cakeidx1".utf8)
    private static let fixedLength = 24
    private static let packLength = 40
    private static let memberLength = 128
    /// A manifest that lists more is not cake's.
    static let maximumPacks = 1000

    /// For a million layers, more than any model has.
    public static let maximumSize = 128 << 20

    public var encoded: [UInt8] {
        var bytes = PackIndex.mark
        bytes.reserveCapacity(
            PackIndex.fixedLength + packs.count * PackIndex.packLength + members.count * PackIndex.memberLength)
        bytes.append(littleEndian: UInt32(packs.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(members.count))
        for pack in packs {
            bytes += pack.digest.bytes
            bytes.append(littleEndian: pack.size)
        }
        for member in members {
            bytes += member.layer.digest.bytes
            bytes += member.stored.bytes
            bytes.append(littleEndian: member.layer.size)
            bytes.append(littleEndian: member.length)
            bytes.append(littleEndian: member.offset)
            bytes.append(littleEndian: UInt32(member.pack))
            bytes += [member.transform, member.base == nil ? 0 : 1, 0, 0]
            bytes += member.base?.bytes ?? [UInt8](repeating: 0, count: Digest.byteCount)
        }
        return bytes
    }

    /// Reads a stranger's bytes. One index has one spelling: unused fields must be 0, and members in order.
    public init(decoding bytes: Span<UInt8>, besides: LayerList = .none) throws(CakeError) {
        guard bytes.count >= PackIndex.fixedLength, bytes.count <= PackIndex.maximumSize,
            PackIndex.mark.indices.allSatisfy({ bytes[$0] == PackIndex.mark[$0] })
        else { throw PackIndex.refuse("has a format that this cake does not know") }
        let packCount = Int(bytes.littleEndian(UInt32.self, at: 8))
        let memberCount = bytes.littleEndian(UInt64.self, at: 16)
        guard packCount <= PackIndex.maximumPacks, memberCount <= UInt64(bytes.count / PackIndex.memberLength),
            bytes.littleEndian(UInt32.self, at: 12) == 0,
            bytes.count == PackIndex.fixedLength + packCount * PackIndex.packLength
                + Int(memberCount) * PackIndex.memberLength
        else { throw PackIndex.refuse("does not have the length that it claims") }
        func digest(_ offset: Int) -> Digest { Digest(bytes: bytes.extracting(offset..<offset + 32)) ?? .empty }
        let packs = (0..<packCount).map { index in
            let offset = PackIndex.fixedLength + index * PackIndex.packLength
            return Pack(digest: digest(offset), size: bytes.littleEndian(UInt64.self, at: offset + 32))
        }
        let start = PackIndex.fixedLength + packCount * PackIndex.packLength
        var members: [Member] = []
        members.reserveCapacity(Int(memberCount))
        for offset in stride(from: start, to: bytes.count, by: PackIndex.memberLength) {
            let flags = bytes[offset + 93]
            let base = digest(offset + 96)
            let isClean = bytes[offset + 94] == 0 && bytes[offset + 95] == 0 && flags <= 1
            guard isClean, flags == 1 || base.words == (0, 0, 0, 0) else {
                throw PackIndex.refuse("has bits set that this cake does not know")
            }
            let member = Member(
                layer: Layer(digest: digest(offset), size: bytes.littleEndian(UInt64.self, at: offset + 64)),
                stored: digest(offset + 32), length: bytes.littleEndian(UInt64.self, at: offset + 72),
                offset: bytes.littleEndian(UInt64.self, at: offset + 80),
                pack: Int(bytes.littleEndian(UInt32.self, at: offset + 88)), transform: bytes[offset + 92],
                base: flags == 1 ? base : nil)
            if let last = members.last, last.layer.digest >= member.layer.digest {
                throw PackIndex.refuse("is not in order")
            }
            members.append(member)
        }
        try self.init(packs: packs, members: members, besides: besides)
    }
}
