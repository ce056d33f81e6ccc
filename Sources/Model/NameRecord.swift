/// What a name remembers: the model it points to, and where that came from. Keys this version does not know are kept.
public struct NameRecord: Hashable, Sendable {
    public var manifest: Digest
    private var fields: [String: String] = [:]

    public init(manifest: Digest) { self.manifest = manifest }

    /// Seconds since 1970 when the name was last pointed somewhere.
    public var time: Int? {
        get { fields["time"].flatMap { Int($0) } }
        set { fields["time"] = newValue.map { String($0) } }
    }

    public var source: String? {
        get { fields["source"] }
        set { fields["source"] = newValue }
    }

    /// What was asked for: a branch, a tag.
    public var revision: String? {
        get { fields["revision"] }
        set { fields["revision"] = newValue }
    }

    /// What the revision was then.
    public var commit: String? {
        get { fields["commit"] }
        set { fields["commit"] = newValue }
    }

    /// Commits that the name had before, the latest last; a mirror that goes back to one is noticed.
    public var earlierCommits: [String] {
        get { fields["earlier"]?.split(separator: " ").map(String.init) ?? [] }
        set { fields["earlier"] = newValue.isEmpty ? nil : newValue.suffix(50).joined(separator: " ") }
    }

    public var isPinned: Bool {
        get { fields["pinned"] == "yes" }
        set { fields["pinned"] = newValue ? "yes" : nil }
    }

    static let firstLine = "cake name 1"
    public static let maximumSize = 1 << 20

    public func encode() -> [UInt8] {
        var bytes = Array("\(NameRecord.firstLine)\nmanifest \(manifest.hex)\n".utf8)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            bytes += "\(key) ".utf8
            Escaped.append(value, to: &bytes)
            bytes.append(lineFeed)
        }
        return bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(CakeError) {
        var lines = Lines()
        guard let first = lines.next(in: bytes), first.text(in: bytes) == NameRecord.firstLine else {
            throw CakeError(.damaged, "not a name's record this cake can read", fix: "a newer cake may have written it")
        }
        guard var second = lines.next(in: bytes), second.skip(prefix: "manifest ", in: bytes),
            let manifest = second.digest(in: bytes), second.isAtEnd
        else { throw lines.refuse("names no manifest") }
        self.manifest = manifest
        while var line = lines.next(in: bytes) {
            guard let key = line.word(in: bytes), let value = line.escaped(in: bytes) else {
                throw lines.refuse("is no key and value")
            }
            fields[key] = value
        }
        guard lines.isAtEnd(of: bytes) else { throw lines.refuse("does not end") }
    }
}
