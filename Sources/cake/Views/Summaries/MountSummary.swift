import Model

/// A folder that shows the store's models.
struct MountSummary: Summary {
    let path: String
    let store: String
    let models: Int
    struct Lazy {
        let name: ModelName
        let folder: String
    }

    /// Those that are downloaded as they are read.
    let lazy: [Lazy]
    let process: Int
    let isDetached: Bool

    func lines(on page: Page) -> [String] {
        let end = isDetached ? "cake umount \(Printable.escape(path)) ends it" : "Ctrl-C ends it"
        return ["mounted \(Quantities.count(models, of: "model")) at \(Printable.escape(path)); \(end)"]
    }

    var notes: [String] {
        lazy.map { model in
            let folder = path + "/" + model.folder
            return "\(model.name) is downloaded as it is read, in \(Printable.escape(folder))"
        }
    }

    var document: JSONValue {
        [
            "path": JSONValue(path), "store": JSONValue(store), "models": JSONValue(models),
            "process": JSONValue(process),
            "lazy": .array(
                lazy.map {
                    ["name": JSONValue($0.name.string), "folder": JSONValue(path + "/" + $0.folder)] as JSONValue
                }),
        ]
    }
}

/// A folder that shows them no more.
struct UnmountSummary: Summary {
    struct User {
        let process: Int
        let name: String
    }

    let path: String
    let users: [User]

    func lines(on page: Page) -> [String] { ["unmounted \(Printable.escape(path))"] }

    /// Which programs go on with files that they have open.
    var notes: [String] {
        users.map {
            "\(Printable.escape($0.name)) (process \($0.process)) still uses it; its open files stay readable until it closes them"
        }
    }

    var document: JSONValue {
        [
            "path": JSONValue(path),
            "still_used_by": .array(
                users.map { ["process": JSONValue($0.process), "name": JSONValue($0.name)] as JSONValue }),
        ]
    }
}
