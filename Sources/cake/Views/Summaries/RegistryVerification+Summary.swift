import Model
internal import Storage
import Store

/// What `cake verify` says of a registry that lies in the store.
extension RegistryVerification {
    private var open: [RegistryDamage] { damages.filter { !$0.isMended } }

    func lines(isQuiet: Bool) -> [String] {
        var lines = damages.map { damage in
            var line = "\(damage.kind.rawValue) \(damage.shortName)  \(damage.why)"
            if damage.isSetAside { line += "; set aside" }
            line +=
                damage.neededBy.isEmpty
                ? "; not needed" : "; needed by \(damage.neededBy.joined(separator: ", "))"
            return line + (damage.isMended ? "; made again from the store" : "")
        }
        if damages.isEmpty, !isQuiet {
            var parts = [Quantities.count(blobs - packs, of: "blob")]
            if packs > 0 { parts.append(Quantities.count(packs, of: "pack")) }
            parts.append(Quantities.count(manifests, of: "manifest"))
            if uploads > 0 { parts.append(Quantities.count(uploads, of: "unfinished upload")) }
            parts.append(usage?.text ?? Quantities.bytes(bytes))
            lines.append("registry: \(parts.joined(separator: ", ")): all are intact")
        }
        return lines
    }

    func throwIfDamaged(repairs: Bool) throws(CakeError) {
        guard let first = open.first else { return }
        let isOurs = open.contains { $0.kind == .pack || $0.kind == .manifest }
        let place = open.lazy.flatMap(\.neededBy).first
        let push =
            place.map { "push \($0) again: only missing layers are sent" } ?? "push the models that you need again"
        throw CakeError(
            .damaged,
            open.count == 1
                ? "the \(first.kind.rawValue) \(first.shortName) of the registry is damaged"
                : "\(open.count) blobs and manifests of the registry are damaged",
            fix: isOurs && !repairs ? "cake verify --repair, and \(push)" : push)
    }

    var document: JSONValue {
        let entries = damages.map { damage -> JSONValue in
            [
                "kind": .string(damage.kind.rawValue), "name": .string(damage.name), "why": .string(damage.why),
                "set_aside": .bool(damage.isSetAside), "needed_by": .array(damage.neededBy.map { .string($0) }),
                "mended": .bool(damage.isMended),
            ]
        }
        return [
            "blobs": JSONValue(blobs), "packs": JSONValue(packs), "manifests": JSONValue(manifests),
            "bytes": JSONValue(bytes), "bytes_on_disk": JSONValue(usage?.bytes),
            "bytes_shared": JSONValue(usage?.sharedBytes), "uploads": JSONValue(uploads), "damaged": .array(entries),
        ]
    }
}

extension RegistryUsage {
    /// What it takes alone, and what it shares with models: `1.2 MB, and 63 MB of models' layers`.
    fileprivate var text: String {
        guard sharedBytes > 0 else { return Quantities.bytes(bytes) }
        return "\(Quantities.bytes(bytes)), and \(Quantities.bytes(sharedBytes)) of the models' layers"
    }
}

extension RegistryDamage {
    /// A digest as people compare them.
    fileprivate var shortName: String {
        guard let colon = name.firstIndex(of: ":"), kind != .tag else { return name }
        return String(name[name.index(after: colon)...].prefix(12))
    }
}
