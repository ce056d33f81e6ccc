import Model

/// A model that has one more name.
struct TagSummary: Summary {
    let name: ModelName
    let manifest: Digest
    let old: ModelName
    /// The model that the name led to before.
    let replaced: Digest?

    func lines(on page: Page) -> [String] {
        if name == old { return ["\(name) has that name already"] }
        return ["\(name) is now \(old)"] + BringBackSummary.hint(name, replaced, on: page)
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "manifest": JSONValue(manifest.hex), "of": JSONValue(old.string),
            "replaced": JSONValue(replaced?.hex),
        ]
    }
}

/// A name that leads to an earlier version again.
struct BringBackSummary: Summary {
    let name: ModelName
    let manifest: Digest
    let replaced: Digest

    /// What a name was before it moved, and how to bring that back.
    static func hint(_ name: ModelName, _ replaced: Digest?, on page: Page) -> [String] {
        guard let old = replaced?.hex.prefix(8) else { return [] }
        return page.detail("\(name) was \(old) before; cake tag \(name)@\(old) brings that back")
    }

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
    /// The model that the new name led to before.
    let replaced: Digest?

    func lines(on page: Page) -> [String] {
        if old == new { return ["\(new) has that name already"] }
        return ["renamed \(old) to \(new)"] + BringBackSummary.hint(new, replaced, on: page)
    }

    var document: JSONValue {
        [
            "name": JSONValue(new.string), "manifest": JSONValue(manifest.hex), "from": JSONValue(old.string),
            "replaced": JSONValue(replaced?.hex),
        ]
    }
}

/// A model whose pin was set or taken.
struct PinSummary: Summary {
    let name: ModelName
    let isPinned: Bool

    func lines(on page: Page) -> [String] { ["\(isPinned ? "pinned" : "unpinned") \(name)"] }

    var document: JSONValue { ["name": JSONValue(name.string), "pinned": .bool(isPinned)] }
}
