import Model
internal import Storage
import Store

/// What the store takes, and what that is made of.
struct DiskUseSummary: Finding {
    struct Found {
        let usage: Usage
        let remains: LocalStore.Remains
        let registry: RegistryUsage?

        /// Of no model, now or a short time ago.
        var unneeded: UInt64 { remains.objects - min(remains.objects, usage.atRest + usage.replaced) }
    }

    let path: String
    /// Nil without a store, which is one that holds nothing.
    let found: Found?

    var notes: [String] { found == nil ? ["there is no store in \(Printable.escape(path)) yet"] : [] }

    func lines(on page: Page) -> [String] {
        found.map { table($0).lines(on: page) } ?? []
    }

    private func table(_ found: Found) -> Table {
        let (usage, remains, registry, unneeded) = (found.usage, found.remains, found.registry, found.unneeded)
        var table = Table([
            .init(title: "", importance: 2), .init(title: "", alignment: .right, importance: 3),
            .init(title: "", importance: 1, leastWidth: 8),
        ])
        table.add(["models", "\(usage.models.count)", Table.Cell("in \(path)", .faint)])
        table.add([
            "their files", Table.Cell(Quantities.bytes(usage.size)),
            Table.Cell("as plain files", .faint),
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
        if usage.replaced > 0 {
            table.add([
                "earlier versions", Table.Cell(Quantities.bytes(usage.replaced)),
                Table.Cell("kept for a day; cake gc --now frees them", .faint),
            ])
        }
        if unneeded > 0 {
            table.add([
                "unneeded", Table.Cell(Quantities.bytes(unneeded), .careful),
                Table.Cell("cake gc --dry-run shows what it can free", .faint),
            ])
        }
        if remains.unfinished > 0 {
            table.add([
                "unfinished", Table.Cell(Quantities.bytes(remains.unfinished)),
                Table.Cell("run interrupted commands again, or cake gc", .faint),
            ])
        }
        if remains.damaged > 0 {
            table.add([
                "damaged", Table.Cell(Quantities.bytes(remains.damaged), .bad),
                Table.Cell("set aside; delete the files in damaged", .faint),
            ])
        }
        if let registry, registry.bytes + registry.sharedBytes > 0 {
            let shared =
                registry.sharedBytes > 0
                ? "; \(Quantities.bytes(registry.sharedBytes)) more are the models' layers" : " of cake serve"
            table.add([
                "registry", Table.Cell(Quantities.bytes(registry.bytes)),
                Table.Cell(Quantities.count(registry.blobs, of: "blob") + shared, .faint),
            ])
        }
        if remains.registryDamaged > 0 {
            table.add([
                "registry damaged", Table.Cell(Quantities.bytes(remains.registryDamaged), .bad),
                Table.Cell("set aside; delete the files in registry/damaged", .faint),
            ])
        }
        table.add(["disk free", Table.Cell(Quantities.bytes(remains.free))])
        return table
    }

    /// What lies between the files and what is at rest: these add up.
    private func parts(of usage: Usage) -> [(title: String, taken: UInt64, added: UInt64, meaning: String)] {
        let shared = usage.size - min(usage.size, usage.distinct)
        // Where little can be compressed, what is stored around it may be more.
        let plain = usage.distinct + usage.bases
        let stored = usage.below + usage.atRest + usage.spared
        return [
            ("shared", shared, 0, "layers that several models have, stored once"),
            ("below", usage.below, 0, "layers that lower stores have"),
            ("compressed", plain, stored, ""),
            ("deltas", usage.spared, 0, "tensors stored as deltas"),
            (
                "bases", 0, usage.bases,
                "of removed models, for deltas; cake gc says more"
            ),
        ]
    }

    var document: JSONValue {
        let (usage, remains) = (found?.usage, found?.remains)
        return [
            "store": JSONValue(path), "models": JSONValue(usage?.models.count ?? 0),
            "layers": JSONValue(usage?.layers ?? 0), "bytes": JSONValue(usage?.size ?? 0),
            "bytes_distinct": JSONValue(usage?.distinct ?? 0), "bytes_below": JSONValue(usage?.below ?? 0),
            "bytes_spared_by_deltas": JSONValue(usage?.spared ?? 0),
            "bytes_bases": JSONValue(usage?.bases ?? 0), "bytes_at_rest": JSONValue(usage?.atRest ?? 0),
            "bytes_earlier_versions": JSONValue(usage?.replaced ?? 0),
            "bytes_unneeded": JSONValue(found?.unneeded ?? 0), "bytes_registry": JSONValue(found?.registry?.bytes ?? 0),
            "bytes_registry_shared": JSONValue(found?.registry?.sharedBytes ?? 0),
            "bytes_unfinished": JSONValue(remains?.unfinished ?? 0), "bytes_damaged": JSONValue(remains?.damaged ?? 0),
            "bytes_registry_damaged": JSONValue(remains?.registryDamaged ?? 0),
            "bytes_free": JSONValue(remains?.free),
        ]
    }
}
