/// Numbers digests in the order in which they come, so that what is known of each can lie in arrays. A store may have a million
/// layers: a Dictionary takes five times as long.
public struct DigestRows: Sendable {
    /// By row.
    public private(set) var digests: [Digest] = []
    /// Rows from 1 on, each where its hash leads or soon behind; 0 is free. At least half are free.
    private var slots: [UInt32]
    private let secret = Secret()

    /// With room for so many.
    public init(minimumCapacity: Int = 0) {
        digests.reserveCapacity(minimumCapacity)
        slots = [UInt32](repeating: 0, count: DigestRows.slots(for: minimumCapacity))
    }

    public var count: Int { digests.count }

    /// Nil for a digest that was not added.
    public func row(of digest: Digest) -> Int? {
        guard !digests.isEmpty else { return nil }
        let row = slots[slot(of: digest)]
        return row == 0 ? nil : Int(row) - 1
    }

    /// The rows of many digests; nil for those that were not added. One after the other, each would wait for memory twice;
    /// here their slots are fetched side by side, and then what these lead to.
    public func rows(of wanted: [Digest]) -> [Int?] {
        let mask = slots.count - 1
        let found = wanted.map { slots[secret.hash($0) & mask] }
        var rows: [Int?] = []
        rows.reserveCapacity(wanted.count)
        for (digest, row) in zip(wanted, found) {
            if row != 0, digests[Int(row) - 1] == digest {
                rows.append(Int(row) - 1)
            } else {
                rows.append(row == 0 ? nil : self.row(of: digest))
            }
        }
        return rows
    }

    /// The row of a digest, and whether it has just come.
    public mutating func add(_ digest: Digest) -> (row: Int, isNew: Bool) {
        if 2 * (digests.count + 1) > slots.count { grow() }
        let slot = slot(of: digest)
        guard slots[slot] == 0 else { return (Int(slots[slot]) - 1, false) }
        digests.append(digest)
        slots[slot] = UInt32(digests.count)
        return (digests.count - 1, true)
    }

    /// The one that has the digest, or the free one where it belongs.
    private func slot(of digest: Digest) -> Int {
        let mask = slots.count - 1
        var slot = secret.hash(digest) & mask
        while slots[slot] != 0, digests[Int(slots[slot]) - 1] != digest { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: 2 * slots.count)
        for (row, digest) in digests.enumerated() { slots[slot(of: digest)] = UInt32(row + 1) }
    }

    private static func slots(for count: Int) -> Int {
        var slots = 16
        while slots < 2 * count { slots *= 2 }
        return slots
    }

    /// A stranger's manifest can claim any digests, but not choose those that meet in one slot.
    private struct Secret {
        private let words = (
            UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max),
            UInt64.random(in: 0 ... .max)
        )

        func hash(_ digest: Digest) -> Int {
            let first = (digest.words.0 ^ words.0).multipliedFullWidth(by: digest.words.1 ^ words.1)
            let second = (digest.words.2 ^ words.2).multipliedFullWidth(by: digest.words.3 ^ words.3)
            return Int(truncatingIfNeeded: first.high ^ first.low ^ second.high &+ second.low)
        }
    }
}
