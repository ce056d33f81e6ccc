import Model
import Store
import Transfer

/// What `cake verify` says of a registry that lies in the store.
extension VerifyCommand {
    /// Nil where the store has none.
    func verifyRegistry(of store: LocalStore, in session: Session) async throws -> RegistryVerification? {
        guard let registry = try RegistryStore.existing(in: store) else { return nil }
        let progress = Progress("verifying the registry", items: "blobs")
        progress.expect(bytes: try registry.usage().bytes)
        return try await session.reporter.show(progress) {
            try await registry.verify(share, mending: repairs) { progress.did(bytes: $0) }
        }
    }
}

extension VerifiedShare {
    /// As `3/7`.
    init(parsing text: String) throws(CakeError) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 2, let number = UInt64(words[0]), let count = UInt64(words[1]), count > 0,
            count <= 1_000_000, number > 0, number <= count
        else {
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" is no part of the store",
                fix: "--subset 1/7 is the first of seven")
        }
        self.init(number, of: count)
    }
}

extension RegistryVerification {
    private var open: [RegistryDamage] { damages.filter { !$0.isMended } }

    func lines(isQuiet: Bool, repairs: Bool) -> [String] {
        var lines = damages.map { damage in
            var line = "\(damage.kind.rawValue) \(damage.shortName)  \(damage.why)"
            if damage.isSetAside { line += "; set aside" }
            line +=
                damage.neededBy.isEmpty
                ? "; nothing needs it" : "; needed by \(damage.neededBy.joined(separator: ", "))"
            return line + (damage.isMended ? "; made again from the store" : "")
        }
        if damages.isEmpty, !isQuiet {
            var parts = [
                "\(blobs) \(blobs == 1 ? "blob" : "blobs")",
                "\(manifests) \(manifests == 1 ? "manifest" : "manifests")",
            ]
            if uploads > 0 { parts.append("\(uploads) unfinished \(uploads == 1 ? "upload" : "uploads")") }
            lines.append("registry: \(parts.joined(separator: ", ")), \(Quantities.bytes(bytes)): all are intact")
        }
        return lines
    }

    func throwIfDamaged(repairs: Bool) throws(CakeError) {
        guard let first = open.first else { return }
        let isOurs = open.contains { $0.kind == .pack || $0.kind == .manifest }
        let place = open.lazy.flatMap(\.neededBy).first
        let push = place.map { "push \($0) again: only what is missing is sent" } ?? "push again what is wanted"
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
            "blobs": JSONValue(blobs), "manifests": JSONValue(manifests), "bytes": JSONValue(bytes),
            "uploads": JSONValue(uploads), "damaged": .array(entries),
        ]
    }
}

extension RegistryDamage {
    /// A digest as people compare them.
    fileprivate var shortName: String {
        guard let colon = name.firstIndex(of: ":"), kind != .tag else { return name }
        return String(name[name.index(after: colon)...].prefix(12))
    }
}
