internal import Model
internal import Platform
internal import Store

/// The bases that deltas are read with while they are proved: from this store, else from their places in the registry.
struct Beside {
    private let proof: MemberProof
    private let members: [Digest: PackPlan.Taken]
    private var packs: [Digest: DistantPack] = [:]

    init(_ proof: MemberProof, _ members: [Digest: PackPlan.Taken]) {
        self.proof = proof
        self.members = members
    }

    struct Base {
        fileprivate let layer: Layer
        /// Nil where it is here.
        fileprivate let distant: (object: DistantObject, pack: DistantPack)?

        func bring(_ index: Int) async throws {
            if let distant { try await distant.pack.bring(distant.object.place(ofPiece: index)) }
        }

        func withPiece(
            _ index: Int, _ reader: LayerReader, _ body: (Chunk?) throws(CakeError) -> Void
        ) throws {
            if let distant {
                return try distant.object.withPiece(index, beside: nil) { base throws(CakeError) in try body(base) }
            }
            let base = try OwnDamage.telling { () throws(CakeError) in try reader.piece(index, of: layer) }
            defer { reader.giveBack(base) }
            try body(base)
        }
    }

    mutating func base(of member: PackIndex.Member) async throws -> Base? {
        guard let digest = member.base else { return nil }
        let layer = Layer(digest: digest, size: member.layer.size)
        if try proof.store.contains(layer) { return Base(layer: layer, distant: nil) }
        guard let taken = members[digest] else {
            throw CakeError(.damaged, "the base of layer \(member.layer.digest.short) is not there")
        }
        let pack: DistantPack
        if let known = packs[taken.pack.digest] {
            pack = known
        } else {
            pack = try DistantPack(
                taken.pack, in: proof.repository(taken.pack.digest), proof.operation, throttle: proof.throttle)
            packs[taken.pack.digest] = pack
        }
        return Base(layer: layer, distant: (try await pack.opened(taken.member, of: proof.store), pack))
    }
}
