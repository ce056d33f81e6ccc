/// Which files of a snapshot are taken. A repository often holds the same weights several times, in the formats of
/// several libraries; one is enough.
public struct WeightSelection: Sendable {
    public enum Scope: Sendable {
        /// Safetensors where there are any, and everything that is no weights.
        case oneFormat
        case everything
    }

    private let scope: Scope
    private let included: [Glob]
    private let excluded: [Glob]
    /// Files that were named one by one: each has to be there.
    private let named: [String]

    /// With globs to include, the scope does not matter: the globs name the files. As in `hf`, `*` also matches
    /// slashes, and a pattern that ends in a slash matches everything beneath.
    public init(
        _ scope: Scope = .oneFormat, files: [String] = [], include: [String] = [], exclude: [String] = []
    ) throws(CakeError) {
        self.scope = scope
        let isPattern = { (name: String) in name.utf8.contains { "*?[".utf8.contains($0) } }
        named = files.filter { !isPattern($0) }
        included = try (include + files.filter(isPattern)).map(WeightSelection.glob)
        excluded = try exclude.map(WeightSelection.glob)
    }

    /// It was told which files to take.
    public var isNarrowed: Bool { !named.isEmpty || !included.isEmpty || !excluded.isEmpty }

    private static func glob(_ pattern: String) throws(CakeError) -> Glob {
        try Glob(pattern.utf8.last == UInt8(ascii: "/") ? pattern + "*" : pattern)
    }

    public struct Choice: Hashable, Sendable {
        /// In the snapshot's order.
        public internal(set) var files: [SnapshotFile] = []
        /// Weights that are another form of those taken.
        public internal(set) var otherForms: [SnapshotFile] = []
        /// Named by an index, and not there.
        public internal(set) var missing: [FilePath] = []
        /// Indexes that make no sense: all safetensors beside them are taken.
        public internal(set) var complaints: [CakeError] = []

        public var size: UInt64 { files.reduce(0) { $0 + $1.size } }
    }

    /// The indexes whose bytes `choose` needs.
    public func indexes(in snapshot: Snapshot) -> [SnapshotFile] {
        guard scope == .oneFormat, included.isEmpty, named.isEmpty else { return [] }
        let forms = WeightForms(snapshot.files.map(\.path))
        return snapshot.files.filter { forms.isIndex($0.path) }
    }

    /// `indexes` holds the bytes of those that were asked for, by path.
    public func choose(from snapshot: Snapshot, indexes: [FilePath: [UInt8]] = [:]) throws(CakeError) -> Choice {
        var choice = Choice()
        var forms = WeightForms(snapshot.files.map(\.path))
        try refuseMissing(in: snapshot)
        let names = Set(named.map { ExactText($0) })
        let isWhole = scope == .everything || !included.isEmpty || !names.isEmpty
        if !isWhole {
            for (path, bytes) in indexes.sorted(by: { $0.key < $1.key }) {
                do {
                    choice.missing += try forms.read(bytes.span, of: path)
                } catch {
                    choice.complaints.append(error.at(path.description))
                }
            }
        }
        for file in snapshot.files {
            let path = file.path.string
            guard
                included.isEmpty && names.isEmpty || names.contains(file.path.text)
                    || included.contains(where: { $0.matches(path) }),
                !excluded.contains(where: { $0.matches(path) })
            else { continue }
            if isWhole || forms.isTaken(file.path) { choice.files.append(file) } else { choice.otherForms.append(file) }
        }
        guard !choice.files.isEmpty || included.isEmpty && excluded.isEmpty else {
            throw CakeError(
                .notFound, "none of the \(snapshot.files.count) files of \(snapshot.repository.id) matches",
                fix: "put quotes around a pattern, such as --include '*.safetensors'; * also matches slashes")
        }
        return choice
    }

    private func refuseMissing(in snapshot: Snapshot) throws(CakeError) {
        guard !named.isEmpty else { return }
        let there = Set(snapshot.files.map(\.path.text))
        for name in named where !there.contains(ExactText(name)) {
            let fix = Suggestion.nearest(to: name, among: snapshot.files.map(\.path.string)).map {
                "did you mean \(Printable.escape($0))?"
            }
            throw CakeError(
                .notFound, "\(snapshot.repository.id) has no file \"\(Printable.escape(name))\"",
                fix: fix ?? "cake ls-remote \(snapshot.repository.id) lists its files")
        }
    }
}

extension WeightSelection.Choice {
    /// One line about the files that were left out, or nil.
    public var note: String? {
        guard !otherForms.isEmpty else { return nil }
        let size = otherForms.reduce(0 as UInt64) { $0 + $1.size }
        let shown = otherForms.prefix(3).map(\.path.description).joined(separator: ", ")
        let rest = otherForms.count > 3 ? " and \(otherForms.count - 3) more" : ""
        return
            "left out: \(shown)\(rest) (\(Quantities.bytes(size))), other formats of the same weights; --all takes them"
    }
}
