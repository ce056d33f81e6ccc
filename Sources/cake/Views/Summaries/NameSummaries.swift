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

/// A name that leads to an earlier version again.
struct BringBackSummary: Summary {
    let name: ModelName
    let manifest: Digest
    let replaced: Digest

    func lines(on page: Page) -> [String] {
        ["\(name) is \(manifest.hex.prefix(8)) again; it was \(replaced.hex.prefix(8))"]
    }

    var document: JSONValue {
        ["name": JSONValue(name.string), "manifest": JSONValue(manifest.hex), "replaced": JSONValue(replaced.hex)]
    }
}

/// A model that has another name.
struct MoveSummary: Summary {
    let old: ModelName
    let new: ModelName
    let manifest: Digest

    func lines(on page: Page) -> [String] { ["renamed \(old) to \(new)"] }

    var document: JSONValue {
        ["name": JSONValue(new.string), "manifest": JSONValue(manifest.hex), "from": JSONValue(old.string)]
    }
}

/// A model whose pin was set or taken.
struct PinSummary: Summary {
    let name: ModelName
    let isPinned: Bool

    func lines(on page: Page) -> [String] { ["\(isPinned ? "pinned" : "unpinned") \(name)"] }

    var document: JSONValue { ["name": JSONValue(name.string), "pinned": .bool(isPinned)] }
}
