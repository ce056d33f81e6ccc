public import Model
internal import Platform

/// What the parts of a file are pulled for: a file `for` beside them. A pull that was interrupted has no name yet.
public struct PullNote: Sendable {
    public let name: ModelName
    /// What `cake pull` takes: `hf://org/name`, `oci://host/path:tag`.
    public let source: String
    /// Of the whole pull; nil when that is not known.
    public let bytes: UInt64?

    public init(_ name: ModelName, from source: String, bytes: UInt64?) {
        (self.name, self.source, self.bytes) = (name, source, bytes)
    }

    static let file = "for"
    private static let mark = "cake pull 1"
    private static let longest = 4096

    var encoded: [UInt8] {
        let size = bytes.map { "bytes \($0)\n" } ?? ""
        return Array("\(PullNote.mark)\nname \(name.string)\nsource \(source)\n\(size)".utf8)
    }

    /// Nil where there is none, or it makes no sense.
    init?(in folder: String) {
        guard let bytes = try? Disk.read(folder + "/" + PullNote.file, limit: PullNote.longest) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first == PullNote.mark[...] else { return nil }
        var fields: [Substring: String] = [:]
        for line in lines.dropFirst() {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { fields[words[0]] = String(words[1]) }
        }
        guard let text = fields["name"], let name = try? ModelName(text), let source = fields["source"] else {
            return nil
        }
        self.init(name, from: source, bytes: fields["bytes"].flatMap { UInt64($0) })
    }

    /// The command that goes on with it.
    public var resuming: String {
        let place = source.firstRange(of: "://").map { String(source[$0.upperBound...]) } ?? source
        return place == name.string ? "cake pull \(name)" : "cake pull \(Printable.escape(source)) --as \(name)"
    }
}

extension LocalStore {
    /// A model that has no name yet: a command is pulling it, or was interrupted.
    public struct UnfinishedPull: Sendable {
        public let note: PullNote
        /// What its parts take on the disk.
        public internal(set) var bytes: UInt64
        /// When some of it came last: seconds since 1970.
        public internal(set) var time: Int
    }

    /// By name, in order.
    public func unfinished() throws(CakeError) -> [UnfinishedPull] {
        var found: [ModelName: UnfinishedPull] = [:]
        for name in try Disk.names(in: layout.incoming) where Digest(hex: name) != nil {
            let folder = layout.incoming + "/" + name
            guard let note = PullNote(in: folder) else { continue }
            var one = found[note.name] ?? UnfinishedPull(note: note, bytes: 0, time: 0)
            // A pull that ends meanwhile takes them away.
            for file in (try? Disk.names(in: folder)) ?? [] where UInt64(file) != nil {
                guard let status = try Disk.status(folder + "/" + file, followingLinks: false) else { continue }
                one.bytes += status.allocated
                one.time = max(one.time, status.modified)
            }
            found[note.name] = one
        }
        var unfinished: [UnfinishedPull] = []
        for one in found.values where one.bytes > 0 {
            if try record(of: one.note.name) == nil { unfinished.append(one) }
        }
        return unfinished.sorted { $0.note.name < $1.note.name }
    }

    /// As a listing shows them.
    public func unfinishedPulls() throws(CakeError) -> [Usage.Model] { try unfinished().map(Usage.Model.init) }

    /// Why a name that is being pulled leads to no model.
    func incomplete(_ name: String) -> CakeError? {
        guard let one = (try? unfinished())?.first(where: { $0.note.name.string == name }) else { return nil }
        let size = one.note.bytes.map { " of \(Quantities.bytes($0))" } ?? ""
        return CakeError(
            .notFound, "\(one.note.name) is incomplete: \(Quantities.bytes(one.bytes))\(size) are here",
            fix: "\(one.note.resuming) downloads the rest; cake gc --now frees what is here")
    }
}
