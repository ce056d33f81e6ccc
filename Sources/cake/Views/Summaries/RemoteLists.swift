import Model
import Transfer

/// The tags of a repository in a registry.
struct TagList: Finding {
    let reference: RegistryReference
    let tags: [TagName]

    var notes: [String] { tags.isEmpty ? ["\(reference.host)/\(reference.path) has no tags"] : [] }

    func lines(on page: Page) -> [String] { tags.map(\.text) }

    var document: JSONValue { .array(tags.map { JSONValue($0.text) }) }
}

/// The repositories of a registry.
struct RepositoryList: Finding {
    let host: String
    let names: [String]
    /// Of a bucket without a registry's data at this place: how longer places go on.
    var deeper: [String] = []

    var notes: [String] {
        guard names.isEmpty else { return [] }
        guard !deeper.isEmpty else {
            return ["\(host) lists no repositories: it has none, or does not allow listing"]
        }
        let some = deeper.prefix(5).map { "\(host)/\(Printable.escape($0))" } + (deeper.count > 5 ? ["…"] : [])
        return ["\(host) has no models of its own; below it are \(some.joined(separator: ", "))"]
    }

    func lines(on page: Page) -> [String] { names.map { "\(host)/\(Printable.escape($0))" } }

    var document: JSONValue { .array(names.map { JSONValue($0) }) }
}

/// The branches and tags of a repository on the Hub.
struct RevisionList: Finding {
    let revisions: HubRevisions

    func lines(on page: Page) -> [String] {
        var table = Table([
            .init(title: "KIND", importance: 2), .init(title: "NAME", importance: 9, leastWidth: 12),
            .init(title: "COMMIT", importance: 8, leastWidth: 8),
        ])
        for (kind, entries) in [("branch", revisions.branches), ("tag", revisions.tags)] {
            for entry in entries {
                table.add([Table.Cell(kind), Table.Cell(entry.name, .strong), Table.Cell(entry.commit ?? "")])
            }
        }
        return table.lines(on: page)
    }

    var document: JSONValue {
        func list(_ entries: [HubRevisions.Entry]) -> JSONValue {
            .array(entries.map { ["name": JSONValue($0.name), "commit": JSONValue($0.commit)] })
        }
        return ["branches": list(revisions.branches), "tags": list(revisions.tags)]
    }
}

/// The files of a repository on the Hub, and which of them are here.
struct RemoteFileList: Finding {
    let reference: HubReference
    let snapshot: Snapshot
    let here: RemoteFiles

    var notes: [String] { snapshot.files.isEmpty ? ["\(reference.storeName) has no files"] : [] }

    func lines(on page: Page) -> [String] {
        guard !snapshot.files.isEmpty else { return [] }
        var table = Table([
            .init(title: "PATH", importance: 9, leastWidth: 14, keepsEnd: true),
            .init(title: "SIZE", alignment: .right, importance: 8), .init(title: "LARGE", importance: 2),
            .init(title: "SHA-256", importance: 3), .init(title: "HERE", importance: 7),
        ])
        for file in snapshot.files {
            let digest = file.sha256.map { page.tableWidth == nil ? $0.hex : $0.short } ?? ""
            table.add([
                Table.Cell(file.path.string), Table.Cell(Quantities.bytes(file.size)), file.isLarge ? "yes" : "",
                Table.Cell(digest, .faint), here.has(file) ? Table.Cell("yes", .good) : "",
            ])
        }
        return table.lines(on: page)
    }

    var document: JSONValue {
        [
            "source": JSONValue(snapshot.repository.description),
            "revision": JSONValue(snapshot.revision ?? Revision.main), "commit": JSONValue(snapshot.commit),
            "bytes": JSONValue(snapshot.size),
        ]
    }

    var longList: LongList? {
        LongList(
            key: "files",
            elements: snapshot.files.lazy.map { file in
                [
                    "path": JSONValue(file.path.string), "bytes": JSONValue(file.size), "large": .bool(file.isLarge),
                    "sha256": JSONValue(file.sha256?.hex), "blob": JSONValue(file.blob?.hex),
                    "in_store": .bool(here.has(file)),
                ]
            })
    }
}

/// The files of a model in a registry, and which of them are here.
struct RegistryFileList: Finding {
    struct Item: Sendable {
        let path: String
        let size: UInt64
        let digest: Digest
        let isHere: Bool
    }

    let reference: RegistryReference
    let files: [Item]
    /// Layers of another tool, whose files are not known before a pull.
    var archives: [ForeignLayer] = []

    func lines(on page: Page) -> [String] {
        var table = Table([
            .init(title: "PATH", importance: 9, leastWidth: 14, keepsEnd: true),
            .init(title: "SIZE", alignment: .right, importance: 8), .init(title: "SHA-256", importance: 3),
            .init(title: "HERE", importance: 7),
        ])
        for file in files {
            let digest = page.tableWidth == nil ? file.digest.hex : file.digest.short
            table.add([
                Table.Cell(file.path), Table.Cell(Quantities.bytes(file.size)), Table.Cell(digest, .faint),
                file.isHere ? Table.Cell("yes", .good) : "",
            ])
        }
        for archive in archives {
            let digest = page.tableWidth == nil ? archive.digest.hex : archive.digest.short
            table.add([
                Table.Cell("(files of an archive)", .faint), Table.Cell(Quantities.bytes(archive.size)),
                Table.Cell(digest, .faint), "",
            ])
        }
        return table.lines(on: page)
    }

    var document: JSONValue {
        [
            "source": JSONValue(reference.description),
            "bytes": JSONValue(files.reduce(archives.reduce(0) { $0 + $1.size }) { $0 + $1.size }),
            "archives": .array(archives.map { ["sha256": JSONValue($0.digest.hex), "bytes": JSONValue($0.size)] }),
        ]
    }

    var longList: LongList? {
        LongList(
            key: "files",
            elements: files.lazy.map { file in
                [
                    "path": JSONValue(file.path), "bytes": JSONValue(file.size),
                    "sha256": JSONValue(file.digest.hex), "in_store": .bool(file.isHere),
                ]
            })
    }
}

/// Models that the Hub found.
struct SearchResults: Finding {
    let words: [String]
    let hub: HubRoutes
    let found: [HubInfo]
    /// Sources of the models in the store.
    let sources: Set<String>
    /// Of these models, without revisions.
    let names: Set<String>

    var notes: [String] {
        found.isEmpty ? ["\(hub) has no model that matches \(words.joined(separator: " "))"] : []
    }

    private func isHere(_ info: HubInfo) -> Bool { sources.contains("hf://" + info.id) || names.contains(info.id) }

    func lines(on page: Page) -> [String] {
        guard !found.isEmpty else { return [] }
        var table = Table([
            .init(title: "NAME", importance: 9, leastWidth: 14),
            .init(title: "DOWNLOADS", alignment: .right, importance: 6),
            .init(title: "LIKES", alignment: .right, importance: 4), .init(title: "TASK", importance: 3, leastWidth: 8),
            .init(title: "ACCESS", importance: 7), .init(title: "HERE", importance: 8),
        ])
        for info in found {
            let access = info.isPrivate ? "private" : info.gate == .open ? "" : "gated"
            table.add([
                Table.Cell(info.id, .strong), Table.Cell(info.downloads.map(Quantities.count) ?? ""),
                Table.Cell(info.likes.map(Quantities.count) ?? ""), Table.Cell(info.task ?? ""),
                Table.Cell(access, .careful), isHere(info) ? Table.Cell("yes", .good) : "",
            ])
        }
        return table.lines(on: page)
    }

    var document: JSONValue {
        .array(
            found.map { info in
                [
                    "name": JSONValue(info.id), "downloads": JSONValue(info.downloads), "likes": JSONValue(info.likes),
                    "task": JSONValue(info.task), "private": .bool(info.isPrivate),
                    "gated": info.gate == .open ? false : JSONValue(info.gate.rawValue),
                    "in_store": .bool(isHere(info)),
                ]
            })
    }
}
