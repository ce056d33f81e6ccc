import Model
import Store

/// Names that a verb changes: each has to be a name of this store, and none of what names once led to.
extension Session {
    /// The models that the words name, each once. A word with `*` or `?` stands for all names that match it.
    func findNames(_ words: [String]) throws(CakeError) -> [(store: LocalStore, named: LocalStore.Named)] {
        var typed: [String] = []
        for word in words { typed += try names(matching: word) ?? [word] }
        let found = try find(each: typed)
        for (_, named) in found { try refuseNameless(named) }
        return found
    }

    /// Nil for a word that is no pattern. A pattern that matches nothing is an error, as a misspelled name is.
    private func names(matching word: String) throws(CakeError) -> [String]? {
        guard Glob.isPattern(word), !has(word) else { return nil }
        let glob = try Glob(settings.pulledPattern(word))
        let matching = try existingStore()?.names().map(\.name.string).filter { glob.matches($0) } ?? []
        guard !matching.isEmpty else {
            throw CakeError(
                .notFound, "no model matches \"\(Printable.escape(word))\"", fix: "cake ls shows what is there")
        }
        return matching
    }

    private func refuseNameless(_ named: LocalStore.Named) throws(CakeError) {
        if let current = named.current {
            throw CakeError(
                .usage, "\(named.name) is an earlier version of \(current) and has no name of its own",
                fix: "cake tag \(named.name) NEW gives it one; cake tag \(named.name) brings it back")
        }
        let digits = named.record.manifest.short
        guard named.isNameless else { return }
        throw CakeError(
            .usage, "the model \(digits) has no name", fix: "cake tag \(digits) NEW gives it one")
    }
}
