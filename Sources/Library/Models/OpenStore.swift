internal import CCake
internal import Model
internal import Platform
internal import Store

/// A store that a caller has opened, and what it may be asked.
final class OpenStore: Handle {
    static let what = "store"

    let store: LocalStore
    let process = Machine.process
    private let settings: StoreSettings
    private let leases: SharedLease

    /// The store that a person uses if no path is given.
    init(at path: String?) throws(CakeError) {
        settings = StoreSettings(Environment(variables: Environment.variables(StoreSettings.variables)), store: path)
        store = try LocalStore(existing: settings.storePath(), pool: .none, lower: settings.lowerPaths())
        leases = SharedLease(store)
    }

    func find(_ name: String) throws(CakeError) -> LocalStore.Named {
        guard !name.isEmpty else { throw CakeError(.usage, "the name is empty", fix: "cake ls shows what is there") }
        return try settings.find(name, in: store)
    }

    /// Nothing of the manifest is removed while the result lives; nil where nothing can be.
    func hold(_ manifest: Digest) throws(CakeError) -> Operation? { try leases.hold(existing: manifest) }

    /// As `cake ls --json` prints them, and why some of them are not there.
    func models() throws(CakeError) -> (json: [UInt8], failure: CakeError?) {
        let usage = try Usage(ofAll: store)
        let models = (usage.models + (try store.unfinishedPulls())).sorted { $0.named.name < $1.named.name }
        return (JSONValue.array(models.map(\.document)).bytes(.indented), usage.failure())
    }

    /// As `cake diff --json` prints it.
    func difference(from base: String, to other: String) throws(CakeError) -> [UInt8] {
        let (before, after) = (try find(base), try find(other))
        // Neither goes while it is read.
        let held = [try hold(before.record.manifest), try hold(after.record.manifest)]
        defer { withExtendedLifetime(held) {} }
        let difference = Difference(
            from: Outline(try store.manifest(before.record.manifest)),
            to: Outline(try store.manifest(after.record.manifest)))
        let comparison = Comparison(
            before: before.name.string, after: after.name.string, difference: difference)
        return JSONValue.object(ComparisonDocument.document(comparison)).bytes(.indented)
    }
}
