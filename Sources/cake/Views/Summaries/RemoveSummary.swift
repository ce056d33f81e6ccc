import Model

/// A tag that is, or would be, gone from its registry.
struct RemoteRemoveSummary: Summary {
    let reference: RegistryReference
    let digest: BlobName
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        ["\(isDryRun ? "would remove" : "removed") \(reference.storeName)  \(digest.hex.prefix(12))"]
    }

    var document: JSONValue { JSONValue(reference.storeName) }
}

/// Models that are, or would be, without a name.
struct RemoveSummary: Summary {
    let names: [ModelName]
    let isDryRun: Bool
    /// What a collection would free now, where that is known.
    let bytesWaiting: UInt64?

    func lines(on page: Page) -> [String] {
        let lines = names.map { "\(isDryRun ? "would remove" : "removed") \($0)" }
        guard !isDryRun else { return lines }
        let waiting = bytesWaiting.map { "\(Quantities.bytes($0)) that" } ?? "what"
        return lines + ["cake gc frees \(waiting) no other model needs"]
    }

    var document: JSONValue { .array(names.map { JSONValue($0.string) }) }
}
