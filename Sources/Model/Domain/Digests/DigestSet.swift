/// A set of very many digests, in the order in which they came. Nothing is taken out of it.
public struct DigestSet: Sequence, Equatable, Sendable {
    private var rows: DigestRows

    public init(minimumCapacity: Int = 0) { rows = DigestRows(minimumCapacity: minimumCapacity) }

    public init(_ digests: some Sequence<Digest>) {
        self.init(minimumCapacity: digests.underestimatedCount)
        formUnion(digests)
    }

    public var count: Int { rows.count }
    public var isEmpty: Bool { rows.count == 0 }

    public func contains(_ digest: Digest) -> Bool { rows.row(of: digest) != nil }

    /// False if it was there.
    @discardableResult
    public mutating func insert(_ digest: Digest) -> Bool { rows.add(digest).isNew }

    public mutating func formUnion(_ digests: some Sequence<Digest>) { for digest in digests { insert(digest) } }

    public func union(_ digests: some Sequence<Digest>) -> DigestSet {
        var all = self
        all.formUnion(digests)
        return all
    }

    public func subtracting(_ other: DigestSet) -> DigestSet { DigestSet(lazy.filter { !other.contains($0) }) }

    /// In whatever order they came.
    public static func == (left: DigestSet, right: DigestSet) -> Bool {
        left.count == right.count && left.allSatisfy(right.contains)
    }

    public func makeIterator() -> IndexingIterator<[Digest]> { rows.digests.makeIterator() }
}
