import Model

/// A model that has one more name.
struct TagSummary: Summary {
    let name: ModelName
    let manifest: Digest
    let old: ModelName

    func lines(on page: Page) -> [String] { ["\(name) is now \(old)"] }

    var document: JSONValue {
        ["name": JSONValue(name.string), "manifest": JSONValue(manifest.hex), "of": JSONValue(old.string)]
    }
}

/// A model whose pin was set or taken.
struct PinSummary: Summary {
    let name: ModelName
    let isPinned: Bool

    func lines(on page: Page) -> [String] { ["\(isPinned ? "pinned" : "unpinned") \(name)"] }

    var document: JSONValue { ["name": JSONValue(name.string), "pinned": .bool(isPinned)] }
}
