internal import Model
internal import Platform
internal import Remote
internal import Store

/// Proves for packs that are in a registry that layers are where their indexes say. An index is a claim of the client
/// that pushed it: a push that trusted it could succeed without sending anything.
struct MemberProof: Sendable {
    let store: LocalStore
    let operation: Operation
    /// Read every member whole.
    let readsAll: Bool
    /// Layers that are here, to be compared with.
    let own: Set<Digest>
    let throttle: Throttle?
    /// The repository of a pack.
    let repository: @Sendable (Digest) -> RemoteRepository

    /// The result for one pack.
    struct Finding: Sendable {
        let pack: PackIndex.Pack
        var proved: [PackPlan.Taken] = []
        /// Other packs: a delta could not be read because a layer of them is missing.
        var suspects: Set<Digest> = []
        /// Why it is not reused.
        var why: CakeError?
    }

    private static let wholeLimit: UInt64 = 1 << 20
    private static let samples = 4
    private static let packsAtOnce = 8

    /// `bases` has the members that deltas among them need, too.
    func callAsFunction(
        _ taken: [PackPlan.Taken], beside bases: [Digest: PackPlan.Taken]
    ) async throws -> [Finding] {
        let packs = Dictionary(grouping: taken, by: \.pack).sorted { $0.key.digest < $1.key.digest }
        do {
            return try await sideBySide(packs.count, atOnce: MemberProof.packsAtOnce, on: store.pool) { number in
                var finding = Finding(pack: packs[number].key)
                do {
                    try await prove(packs[number].value.sorted { $0.member.offset < $1.member.offset }, bases, &finding)
                } catch let error as CakeError where error.isOfWhatIsThere {
                    finding.why = error
                }
                return finding
            }
        } catch let own as OwnDamage { throw own.error }
    }

    private func prove(
        _ taken: [PackPlan.Taken], _ bases: [Digest: PackPlan.Taken], _ finding: inout Finding
    ) async throws {
        guard let first = taken.first else { return }
        let place = try DistantPack(first.pack, in: repository(first.pack.digest), operation, throttle: throttle)
        var beside = Beside(self, bases)
        let small = taken.filter { isReadWhole($0, bases) }
        for run in RegistryPull.runs(of: small.map(\.member)) { try await place.bring(run.bytes) }
        for one in taken {
            try Task.checkCancellation()
            let member = one.member
            finding.suspects = []
            if let base = member.base, try !store.contains(Layer(digest: base, size: member.layer.size)) {
                finding.suspects = bases[base].map { [$0.pack.digest] } ?? []
            }
            if isReadWhole(one, bases) {
                let object = try place.whole(member, of: store)
                try await compare(object, member, &beside, Array(0..<object.pieces), bringing: nil)
            } else {
                let object = try await place.opened(member, of: store)
                let chosen = Array((0..<object.pieces).shuffled().prefix(MemberProof.samples)).sorted()
                try await compare(object, member, &beside, chosen, bringing: place)
            }
            finding.proved.append(one)
        }
        finding.suspects = []
    }

    private func isReadWhole(_ taken: PackPlan.Taken, _ bases: [Digest: PackPlan.Taken]) -> Bool {
        // A layer that is not here can only be compared with its digest.
        if readsAll || !own.contains(taken.member.layer.digest) { return true }
        guard taken.member.length <= MemberProof.wholeLimit else { return false }
        guard let base = taken.member.base,
            (try? store.contains(Layer(digest: base, size: taken.member.layer.size))) != true
        else { return true }
        return bases[base].map { $0.member.length <= MemberProof.wholeLimit } ?? false
    }

    /// Decodes all pieces, and compares their digest; or some, and compares them with those of the layer here.
    private func compare(
        _ object: DistantObject, _ member: PackIndex.Member, _ beside: inout Beside, _ pieces: [Int],
        bringing place: DistantPack?
    ) async throws {
        let base = try await beside.base(of: member)
        let reader = LayerReader(store)
        let hash = RunningHash()
        var isSame = true
        for index in pieces {
            try Task.checkCancellation()
            if let place { try await place.bring(object.place(ofPiece: index)) }
            try await base?.bring(index)
            // Damage here is no fault of the registry's.
            let wanted = try place.map { _ throws(OwnDamage) in
                try OwnDamage.telling { () throws(CakeError) in try reader.piece(index, of: member.layer) }
            }
            defer { if let wanted { reader.giveBack(wanted) } }
            func look(_ chunk: Chunk?) throws(CakeError) {
                try object.withPiece(index, beside: chunk) { plain throws(CakeError) in
                    plain.withBytes { bytes in
                        if let wanted { isSame = isSame && wanted.holds(bytes) } else { hash.update(bytes) }
                    }
                }
            }
            if let base { try base.withPiece(index, reader, look) } else { try look(nil) }
        }
        if place == nil { isSame = hash.finish() == member.layer.digest }
        guard isSame else {
            throw CakeError(.damaged, "the bytes there are not layer \(member.layer.digest.short)")
        }
    }
}

/// A layer of this store cannot be read: nothing is known of the registry by that.
struct OwnDamage: Error {
    let error: CakeError

    static func telling<Value>(_ body: () throws(CakeError) -> Value) throws(OwnDamage) -> Value {
        do { return try body() } catch { throw OwnDamage(error: error) }
    }
}

extension CakeError {
    /// About the registry's data, and not about the connection or this machine.
    var isOfWhatIsThere: Bool { [.damaged, .notFound, .failed].contains(kind) }
}
