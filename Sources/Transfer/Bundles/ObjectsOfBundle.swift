internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Where the packs of a bundle can be read, as they come.
final class ArrivedPacks: Sendable {
    private let places: Mutex<[(file: File, start: UInt64)?]>
    private let callbacks: [@Sendable (Int) -> Void]

    init(_ count: Int, _ units: FinishedUnits) {
        places = Mutex(Array(repeating: nil, count: count))
        callbacks = (0..<count).map { units.of(file: $0) }
    }

    func put(_ file: File, at start: UInt64, _ pack: Int) { places.withLock { $0[pack] = (file, start) } }

    /// All bytes of a member are there.
    func has(_ member: Int, of pack: Int) { callbacks[pack](member) }

    /// Nothing more is read of it.
    func drop(_ pack: Int) { places.withLock { $0[pack] = nil } }

    func plain(_ bytes: Range<UInt64>, of pack: Int) -> PlainBytes? {
        places.withLock { places in
            places[pack].map { PlainBytes(file: $0.file, start: $0.start + bytes.lowerBound, count: bytes.length) }
        }
    }
}

/// Keeps members of a bundle's packs as objects, each decoded and compared with its layer's name. Deltas wait for bases
/// that are still to come.
struct ObjectsOfBundle: Converter {
    private let work: [LoadWork.PackWork]
    private let arrived: ArrivedPacks
    private let kinds: [Digest: Tensor.Kind]
    private let store: LocalStore
    private let operation: Operation
    private let progress: Progress
    /// Bases that are still to come.
    private var coming: Set<Digest>
    /// Bases that cannot be read yet.
    private var unpublished: Set<Digest>
    private var left: [Int]
    private(set) var taken: Set<Digest> = []
    private(set) var bytes: UInt64 = 0
    var layers: Int { taken.count }

    init(
        _ work: [LoadWork.PackWork], _ arrived: ArrivedPacks, kinds: [Digest: Tensor.Kind], store: LocalStore,
        operation: Operation, progress: Progress
    ) {
        (self.work, self.arrived, self.kinds) = (work, arrived, kinds)
        (self.store, self.operation, self.progress) = (store, operation, progress)
        let members = work.flatMap(\.members)
        coming = Set(members.filter { $0.base == nil }.map(\.layer.digest)).intersection(members.compactMap(\.base))
        unpublished = coming
        left = work.map(\.members.count)
    }

    private func member(_ unit: FinishedUnit) -> PackIndex.Member { work[unit.file].members[unit.unit] }

    func waits(_ unit: FinishedUnit) -> Bool { member(unit).base.map(unpublished.contains) ?? false }

    var convert: @Sendable (FinishedUnit) async throws -> LocalStore.Adopted {
        { [work, arrived, kinds, store, operation, progress] unit in
            let member = work[unit.file].members[unit.unit]
            guard let plain = arrived.plain(member.bytes, of: unit.file) else { throw CancellationError() }
            do {
                let adopted = try await store.verifyAndKeep(
                    member.layer, plain, base: member.base, kind: kinds[member.layer.digest], in: operation)
                progress.did(bytes: member.length)
                progress.finished()
                return adopted
            } catch let error as CakeError where error.kind == .damaged {
                throw CakeError(
                    .damaged, "the bundle is damaged: \(error.what)",
                    fix: "copy it again; if the error stays, save it again")
            }
        }
    }

    mutating func take(_ object: LocalStore.Adopted, of unit: FinishedUnit) throws -> Bool {
        try object.add(to: operation)
        let member = member(unit)
        taken.insert(member.layer.digest)
        bytes += member.length
        left[unit.file] -= 1
        if left[unit.file] == 0 { arrived.drop(unit.file) }
        return coming.remove(member.layer.digest) != nil && coming.isEmpty
    }

    mutating func settle() throws { unpublished = coming }

    mutating func failed() {}
}
