import Model
import Platform
import Store

struct DiskUseCommand: Verb {
    static let command = Command(
        Self.self, "df", for: .look, "show what the store takes, and what sharing saves",
        about: [
            "How large all models' files are together, what the store takes for them, how much of that nobody needs "
                + "any more (cake gc frees it), and how much room the disk has left.",
            "What deltas spare is told by what their bases take: so much a tensor would have taken alone.",
        ],
        examples: [
            .init("cake df", "for people"),
            .init("cake df --json", "for a script"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension DiskUseCommand {
    func run(in session: Session) async throws {
        let path = try session.settings.storePath()
        guard let store = try session.existingStore() else {
            guard session.settings.isJSON else {
                return session.reporter.note("there is no store in \(Printable.escape(path)) yet")
            }
            return session.show(document(path, nil, unneeded: 0, nil, registry: 0))
        }
        let usage = try Usage(of: store)
        let remains = try store.remains()
        let registry = try RegistryStore.existing(in: store)?.usage()
        let unneeded = remains.objects > usage.atRest ? remains.objects - usage.atRest : 0
        if session.settings.isJSON {
            return session.show(document(path, usage, unneeded: unneeded, remains, registry: registry?.bytes ?? 0))
        }
        var table = Table([
            .init(title: "", importance: 2), .init(title: "", alignment: .right, importance: 3),
            .init(title: "", importance: 1, leastWidth: 8),
        ])
        table.add(["models", "\(usage.models.count)", Table.Cell("in \(path)", .faint)])
        table.add([
            "their files", Table.Cell(Quantities.bytes(usage.size)),
            Table.Cell("what folders of them would take", .faint),
        ])
        for part in parts(of: usage) where part.taken != part.added {
            let (sign, bytes) =
                part.taken > part.added ? ("-", part.taken - part.added) : ("+", part.added - part.taken)
            table.add([
                Table.Cell(part.title), Table.Cell(sign + Quantities.bytes(bytes)), Table.Cell(part.meaning, .faint),
            ])
        }
        table.add([
            Table.Cell("at rest", .strong), Table.Cell(Quantities.bytes(usage.atRest), .strong),
            Table.Cell(
                "\(usage.layers) \(usage.layers == 1 ? "layer" : "layers"), \(Quantities.percent(usage.atRest, of: usage.size)) of the files",
                .faint),
        ])
        if unneeded > 0 {
            table.add([
                "unneeded", Table.Cell(Quantities.bytes(unneeded), .careful),
                Table.Cell("cake gc frees what it may", .faint),
            ])
        }
        if remains.unfinished > 0 {
            table.add([
                "unfinished", Table.Cell(Quantities.bytes(remains.unfinished)),
                Table.Cell("running or interrupted commands; run these again, or cake gc", .faint),
            ])
        }
        if remains.damaged > 0 {
            table.add([
                "damaged", Table.Cell(Quantities.bytes(remains.damaged), .bad),
                Table.Cell("set aside in the store's folder damaged; delete what is there to free it", .faint),
            ])
        }
        if let registry, registry.bytes > 0 {
            table.add([
                "registry", Table.Cell(Quantities.bytes(registry.bytes)),
                Table.Cell("\(registry.blobs) blobs that cake serve keeps", .faint),
            ])
        }
        if remains.registryDamaged > 0 {
            table.add([
                "registry damaged", Table.Cell(Quantities.bytes(remains.registryDamaged), .bad),
                Table.Cell("set aside in the store's folder registry/damaged; delete what is there to free it", .faint),
            ])
        }
        table.add(["disk free", Table.Cell(Quantities.bytes(remains.free))])
        session.show(table)
    }

    /// What lies between the files and what is at rest: these add up.
    private func parts(of usage: Usage) -> [(title: String, taken: UInt64, added: UInt64, meaning: String)] {
        let shared = usage.size - min(usage.size, usage.distinct)
        // Where little can be compressed, what is stored around it may be more.
        let plain = usage.distinct + usage.bases
        let stored = usage.below + usage.atRest + usage.spared
        return [
            ("shared", shared, 0, "layers that several have, kept once"),
            ("below", usage.below, 0, "layers that stores below have"),
            ("compressed", plain, stored, ""),
            ("deltas", usage.spared, 0, "tensors kept as what differs from others"),
            ("bases", 0, usage.bases, "layers of removed models that deltas need"),
        ]
    }

    /// Without a store, one that holds nothing.
    private func document(
        _ path: String, _ usage: Usage?, unneeded: UInt64, _ remains: LocalStore.Remains?, registry: UInt64
    ) -> JSONValue {
        [
            "store": JSONValue(path), "models": JSONValue(usage?.models.count ?? 0),
            "layers": JSONValue(usage?.layers ?? 0), "bytes": JSONValue(usage?.size ?? 0),
            "bytes_distinct": JSONValue(usage?.distinct ?? 0), "bytes_below": JSONValue(usage?.below ?? 0),
            "bytes_spared_by_deltas": JSONValue(usage?.spared ?? 0),
            "bytes_bases": JSONValue(usage?.bases ?? 0), "bytes_at_rest": JSONValue(usage?.atRest ?? 0),
            "bytes_unneeded": JSONValue(unneeded), "bytes_registry": JSONValue(registry),
            "bytes_unfinished": JSONValue(remains?.unfinished ?? 0), "bytes_damaged": JSONValue(remains?.damaged ?? 0),
            "bytes_registry_damaged": JSONValue(remains?.registryDamaged ?? 0),
            "bytes_free": remains.map { JSONValue($0.free) } ?? .null,
        ]
    }
}
