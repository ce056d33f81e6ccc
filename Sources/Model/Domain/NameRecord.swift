/// The record of a name: its model, and where that came from. Keys that this version does not know are kept.
public struct NameRecord: Hashable, Sendable {
    public var manifest: Digest
    var fields: [String: String] = [:]
    /// The source's identifier of each file's content: an HTTP ETag without its quotes.
    public var etags: [FilePath: String] = [:]

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

    /// The requested revision: a branch, a tag.
    public var revision: String? {
        get { fields["revision"] }
        set { fields["revision"] = newValue }
    }

    /// The commit of the revision at that time.
    public var commit: String? {
        get { fields["commit"] }
        set { fields["commit"] = newValue }
    }

    /// The shape that the source keeps it in, where that is not cake's or a Hub's; the commit is then the digest of its
    /// manifest there.
    public var shape: ForeignShape? {
        get { fields["shape"].flatMap { ForeignShape(rawValue: $0) } }
        set { fields["shape"] = newValue?.rawValue }
    }

    /// Commits that the name had before, the latest last; a mirror that goes back to one is noticed.
    public var earlierCommits: [String] {
        get { fields["earlier"]?.split(separator: " ").map(String.init) ?? [] }
        set { fields["earlier"] = newValue.isEmpty ? nil : newValue.suffix(50).joined(separator: " ") }
    }

    /// Bytes that were not downloaded when it was pulled, by the proof: `samples 4096`.
    public var proved: [String: UInt64] {
        get {
            let words = fields["proved"]?.split(separator: " ") ?? []
            var proved: [String: UInt64] = [:]
            for place in stride(from: 0, to: words.count - 1, by: 2) {
                if let bytes = UInt64(words[place + 1]) { proved[String(words[place])] = bytes }
            }
            return proved
        }
        set {
            let words = newValue.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            fields["proved"] = words.isEmpty ? nil : words.joined(separator: " ")
        }
    }

    /// Tensors that the commit has and the model here has not, by name: it was pulled in part.
    public var missing: [String] {
        get {
            guard let text = fields["missing"], let list = try? JSONValue(parsing: Array(text.utf8).span) else {
                return []
            }
            return list.array?.compactMap(\.string) ?? []
        }
        set {
            fields["missing"] = newValue.isEmpty ? nil : JSONValue.array(newValue.map { JSONValue($0) }).text(.compact)
        }
    }

    /// Repositories of registries that it was pushed to: `oci://host/team/model`, the latest last.
    public var pushed: [String] {
        get { fields["pushed"]?.split(separator: " ").map(String.init) ?? [] }
        set { fields["pushed"] = newValue.isEmpty ? nil : newValue.suffix(20).joined(separator: " ") }
    }

    /// The artifact that holds the model, where its name lies in a storage of values.
    public var artifact: Digest? {
        get { fields["artifact"].flatMap { Digest(hex: $0) } }
        set { fields["artifact"] = newValue?.hex }
    }

    public var isPartial: Bool { fields["missing"] != nil }

    /// Versions that the name had before, the latest last, each once.
    public var replaced: [ReplacedVersion] {
        get {
            guard let text = fields["replaced"], let list = try? JSONValue(parsing: Array(text.utf8).span) else {
                return []
            }
            return list.array?.compactMap { ReplacedVersion($0) } ?? []
        }
        set {
            // A version that was pulled in part names what it lacks, which may be long.
            var texts: [String] = []
            var left = NameRecord.longestReplaced
            for version in newValue.suffix(NameRecord.mostReplaced).reversed() {
                let text = version.document.text(.compact)
                left -= text.utf8.count + 1
                if left < 0 { break }
                texts.append(text)
            }
            fields["replaced"] = texts.isEmpty ? nil : "[" + texts.reversed().joined(separator: ",") + "]"
        }
    }

    public var isPinned: Bool {
        get { fields["pinned"] == "yes" }
        set { fields["pinned"] = newValue ? "yes" : nil }
    }

    /// How a name came here if no person typed it.
    public enum Mark: String, Sendable {
        /// A mirror downloaded it for its clients.
        case mirrored
        /// The same, from a repository that its Hub does not show to everyone.
        case mirroredClosed = "mirrored-closed"
    }

    public var mark: Mark? {
        get { fields["mark"].flatMap(Mark.init) }
        set { fields["mark"] = newValue?.rawValue }
    }

    static let firstLine = "cake name 1"
    /// The ETags of some 100,000 files.
    public static let maximumSize = 32 << 20
    private static let etagKey = "etag"

    public func encode() -> [UInt8] {
        var bytes = Array("\(NameRecord.firstLine)\nmanifest \(manifest.hex)\n".utf8)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            bytes += "\(key) ".utf8
            Escaped.append(value, to: &bytes)
            bytes.append(lineFeed)
        }
        for (path, etag) in etags.sorted(by: { $0.key < $1.key }) {
            bytes += "\(NameRecord.etagKey) ".utf8
            Escaped.append("\(etag) \(path.string)", to: &bytes)
            bytes.append(lineFeed)
        }
        return bytes
    }

    public init(decoding bytes: Span<UInt8>) throws(CakeError) {
        var lines = Lines()
        guard let first = lines.next(in: bytes), first.text(in: bytes) == NameRecord.firstLine else {
            throw CakeError(
                .damaged, "this cake cannot read the name's record", fix: "a newer cake may have written it")
        }
        guard var second = lines.next(in: bytes), second.skip(prefix: "manifest ", in: bytes),
            let manifest = second.digest(in: bytes), second.isAtEnd
        else { throw lines.refuse("does not name a manifest") }
        self.manifest = manifest
        while var line = lines.next(in: bytes) {
            guard let key = line.word(in: bytes), let value = line.escaped(in: bytes) else {
                throw lines.refuse("is not a key and a value")
            }
            guard key == NameRecord.etagKey else {
                fields[key] = value
                continue
            }
            let words = value.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let path = try? FilePath(String(words[1])) else {
                throw lines.refuse("is not an ETag of a file")
            }
            etags[path] = String(words[0])
        }
        guard lines.isAtEnd(of: bytes) else { throw lines.refuse("does not end") }
    }
}
