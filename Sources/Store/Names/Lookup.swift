public import Model

extension LocalStore {
    /// The model a person means: the exact name, the other one that it stands for, a name at that revision, or a manifest
    /// by the first digits of its digest.
    public func find(_ typed: String, revision: String? = nil, alias: String? = nil) throws(CakeError) -> Named {
        let names = try allNames()
        guard let revision else {
            if let found = try match(typed, alias, names) { return found }
            if let error = incomplete(typed) ?? alias.flatMap(incomplete) { throw error }
            throw CakeError(
                .notFound, "no model \"\(Printable.escape(typed))\" in the store", fix: advice(typed, names))
        }
        if let found = at(revision, of: typed, names)
            ?? alias.flatMap({ at(revision, of: $0, names) }) ?? earlier(revision, of: typed, names)
            ?? alias.flatMap({ earlier(revision, of: $0, names) })
        {
            return found
        }
        throw CakeError(
            .notFound, "no revision \(Printable.escape(revision)) of \"\(Printable.escape(typed))\" in the store",
            fix: names.contains { $0.name.string == typed || $0.name.string == alias }
                ? "cake history \(Printable.escape(typed)) shows its versions" : "cake ls shows what is there")
    }

    private func match(_ typed: String, _ alias: String?, _ names: [Named]) throws(CakeError) -> Named? {
        let wanted = ExactText(typed)
        if let exact = names.first(where: { $0.name.text == wanted }) { return exact }
        if let alias, let known = names.first(where: { $0.name.string == alias }) { return known }
        if let name = try? ModelName(typed), let revision = name.revision,
            let found = at(revision, of: name.withoutRevision, names)
                ?? earlier(revision, of: name.withoutRevision, names)
        {
            return found
        }
        // What came from a registry by no tag has the one that stands for none.
        if let latest = names.first(where: { $0.name.string == typed + ":latest" }) { return latest }
        if let found = try byTail(typed, names) { return found }
        return try byDigest(typed, names)
    }

    /// A model from a registry by the end of its name: `team/m:v1` for `registry.local:5000/team/m:v1`.
    private func byTail(_ typed: String, _ names: [Named]) throws(CakeError) -> Named? {
        let ends = ["/" + typed, "/" + typed + ":latest"]
        let found = names.filter { named in
            ends.contains { named.name.string.utf8.count > $0.utf8.count && named.name.string.hasSuffix($0) }
                && named.name.isOfRegistry
        }
        guard found.count < 2 else { throw LocalStore.ambiguous(typed, found, []) }
        return found.first
    }

    /// A revision is a branch or tag as it was asked for, or the commit or id, in full or its first seven digits and more.
    private func at(_ revision: String, of typed: String, _ names: [Named]) -> Named? {
        let wanted = ExactText(typed)
        return names.first { named in
            guard named.name.text == wanted || ExactText(named.name.withoutRevision) == wanted else { return false }
            if named.name.revision == revision || named.record.revision == revision { return true }
            return LocalStore.isAbbreviation(revision, of: named.record.manifest.hex)
                || named.record.commit.map { LocalStore.isAbbreviation(revision, of: $0) } ?? false
        }
    }

    private func byDigest(_ typed: String, _ names: [Named]) throws(CakeError) -> Named? {
        guard let name = try? ModelName(typed), name.looksLikeID else { return nil }
        let digits = typed.hasPrefix("sha256:") ? String(typed.dropFirst(7)) : typed
        let named = names.filter { $0.record.manifest.hex.hasPrefix(digits) }
        let known = Set(named.map(\.record.manifest))
        let unnamed = try manifestDigests().filter { $0.hex.hasPrefix(digits) && !known.contains($0) }
        guard named.count + unnamed.count < 2 else { throw LocalStore.ambiguous(typed, named, unnamed) }
        if let only = named.first { return only }
        return try unnamed.first.map { only throws(CakeError) in
            Named(name: try ModelName(only.short), record: NameRecord(manifest: only))
        }
    }

    /// Several names may lead to one model, and several models may begin with the same digits. To take the first of them would
    /// be a guess.
    private static func ambiguous(_ typed: String, _ named: [Named], _ unnamed: [Digest]) -> CakeError {
        let models = Set(named.map(\.record.manifest)).count + unnamed.count
        let found = named.map { "\($0.name) (\($0.record.manifest.short))" } + unnamed.map { "\($0.short) (no name)" }
        let shown = found.prefix(mostShown).joined(separator: ", ")
        let more = found.count > mostShown ? " and \(found.count - mostShown) more" : ""
        let what = models == 1 ? "has \(named.count) names" : "fits \(models) models"
        return CakeError(
            .failed, "\(Printable.escape(typed)) \(what): \(shown)\(more)",
            fix: named.isEmpty ? "write more digits" : "write one of the names", cause: .ambiguous)
    }

    private static let mostShown = 8

    private func advice(_ typed: String, _ names: [Named]) -> String {
        if names.isEmpty { return "the store is empty; cake import PATH stores a model" }
        if Glob.isPattern(typed) { return "patterns work in cake ls, rm, pin and unpin" }
        if let name = try? ModelName(typed), name.revision != nil,
            names.contains(where: { $0.name.string == name.withoutRevision })
        {
            return "cake history \(Printable.escape(name.withoutRevision)) lists its versions"
        }
        if (4..<7).contains(typed.utf8.count), names.contains(where: { $0.record.manifest.hex.hasPrefix(typed) }) {
            return "an id needs at least 7 digits"
        }
        if let near = Suggestion.nearest(to: typed, among: names.map(\.name.string)) { return "did you mean \(near)?" }
        return "cake ls shows what is there"
    }
}
