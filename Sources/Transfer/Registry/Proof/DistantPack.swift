internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// A pack in a registry, parts of which are downloaded for checks. For one task at a time.
final class DistantPack: Sendable {
    let pack: PackIndex.Pack
    let window: PackWindow
    private let blob: RemoteBlob
    private let isHere = Atomic<Bool>(false)
    private let throttle: Throttle?

    init(
        _ pack: PackIndex.Pack, in repository: RemoteRepository, _ operation: Operation, throttle: Throttle?
    ) throws(CakeError) {
        self.pack = pack
        self.throttle = throttle
        blob = RemoteBlob(pack, in: repository)
        window = try PackWindow(in: operation)
    }

    func bring(_ range: Range<UInt64>) async throws {
        guard !range.isEmpty, !isHere.load(ordering: .relaxed) else { return }
        guard blob.comesWhole else { return try await fetch(range) }
        // A registry that knows no ranges would send it all again for each.
        try await fetch(0..<pack.size)
        isHere.store(true, ordering: .relaxed)
    }

    private func fetch(_ range: Range<UInt64>) async throws {
        _ = try await blob.bring(range) { chunk, bytes in
            try await throttle?.take(UInt64(bytes.count))
            try chunk.withBytes { all throws(CakeError) in
                try window.write(all.extracting(first: bytes.count), at: bytes.lowerBound)
            }
        }
    }

    /// A member whose bytes are all here.
    func whole(_ member: PackIndex.Member, of store: LocalStore) throws(CakeError) -> DistantObject {
        let object = try DistantObject(member, in: window, of: store)
        try object.checkStored(member)
        return object
    }

    /// A member of which only its first frame, its table and the bytes that every piece needs are downloaded.
    func opened(_ member: PackIndex.Member, of store: LocalStore) async throws -> DistantObject {
        let head = min(member.length, DistantObject.headLength)
        try await bring(member.offset..<member.offset + head)
        let frame = try DistantObject.frameLength(of: member, in: window)
        if frame > head { try await bring(member.offset + head..<member.offset + frame) }
        try await bring(DistantObject.table(of: member, in: window))
        let object = try DistantObject(member, in: window, of: store)
        try await bring(object.ahead)
        return object
    }
}

extension PackIndex.Member {
    var range: Range<UInt64> { offset..<offset + length }
}
