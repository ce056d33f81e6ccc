/// Which repositories a mirror downloads: those that a pattern allows and none denies. Without patterns that allow, all
/// are allowed.
public struct NameRules: Hashable, Sendable {
    public var allowed: [StarPattern] = []
    public var denied: [StarPattern] = []

    public init() {}

    public func allow(_ repository: HubRepository) -> Bool {
        let name = repository.kind == .model ? repository.id : "\(repository.kind.plural)/\(repository.id)"
        guard !denied.contains(where: { $0.fits(name) }) else { return false }
        return allowed.isEmpty || allowed.contains { $0.fits(name) }
    }
}

/// Text in which `*` matches anything.
public struct StarPattern: Hashable, Sendable, CustomStringConvertible {
    private let text: String

    public init(_ text: String) { self.text = text }

    public var description: String { text }

    /// The parts between the stars occur in order: the first at the start, the last at the end.
    public func fits(_ name: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        var rest = Array(name.utf8)[...]
        guard let first = parts.first, let last = parts.last, rest.starts(with: first) else { return false }
        guard parts.count > 1 else { return rest.count == first.count }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() {
            guard let place = rest.firstRange(of: Array(part)) else { return false }
            rest = rest[place.upperBound...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
