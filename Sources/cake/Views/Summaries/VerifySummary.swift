import Model
internal import Storage
import Store
import Transfer

/// What is damaged in the store, which models need it, and what was repaired.
struct VerifySummary: Summary {
    let scope: VerifyScope
    let damages: [Damage]
    /// Of the damages, in their order; empty where none was to be mended.
    let outcomes: [Repair.Outcome]
    /// Nil where the store has none, or it was not looked at.
    let registry: RegistryVerification?

    static let nothing = VerifySummary(scope: VerifyScope(), damages: [], outcomes: [], registry: nil)

    func lines(on page: Page) -> [String] {
        let size = Quantities.bytes(scope.bytes)
        let all =
            switch scope.layers.count {
            case 0: "no layers to check"
            case 1: "1 layer, \(size): it is intact"
            case let count: "\(count) layers, \(size): all are intact"
            }
        return damageLines + (damages.isEmpty ? [all] : []) + (registry?.lines(isQuiet: false) ?? [])
    }

    func quietLines(on page: Page) -> [String] { damageLines + (registry?.lines(isQuiet: true) ?? []) }

    private var damageLines: [String] {
        let owners = scope.owners(through: damages)
        return damages.enumerated().map { index, damage in
            let models = owners[damage.layer.digest] ?? []
            let hit = models.isEmpty ? "not needed by any model" : "needed by \(models.joined(separator: ", "))"
            let outcome = index < outcomes.count ? "; " + outcomes[index].words : ""
            return "\(damage.layer.digest.short)  \(damage.why); \(hit)\(outcome)"
        }
    }

    var document: JSONValue {
        let owners = scope.owners(through: damages)
        let entries = damages.enumerated().map { index, damage -> JSONValue in
            var entry = JSONObject()
            let models = (owners[damage.layer.digest] ?? []).map { JSONValue($0) }
            entry.append([
                "layer": JSONValue(damage.layer.digest.hex), "why": JSONValue(damage.why), "models": .array(models),
            ])
            if index < outcomes.count {
                entry.append("mended", .bool(outcomes[index].isMended))
                if case .failed(let error) = outcomes[index] { entry.append("problem", JSONValue(error.what)) }
            }
            return .object(entry)
        }
        var document = JSONObject()
        document.append([
            "layers": JSONValue(scope.layers.count), "bytes": JSONValue(scope.bytes), "damaged": .array(entries),
        ])
        if let registry { document.append("registry", registry.document) }
        return .object(document)
    }
}

extension Repair.Outcome {
    var isMended: Bool {
        switch self {
        case .mended, .readable, .unneeded: true
        case .failed: false
        }
    }

    fileprivate var words: String {
        switch self {
        case .mended(let name): "repaired from the source of \(name)"
        case .readable: "repaired with its base"
        case .unneeded: "no longer needed"
        case .failed(let error): "not repaired: \(error.what)"
        }
    }
}

/// An archive that was read to its last byte.
struct ArchiveSummary: Summary {
    let path: String
    let archive: ArchiveFile
    let damages: [ArchiveFile.Damage]

    private var tensors: Int { archive.archive.facts.weights.entries.count }
    private var bytes: UInt64 { archive.archive.layout.size }

    func lines(on page: Page) -> [String] {
        guard damages.isEmpty else { return quietLines(on: page) }
        return [
            "\(Printable.escape(path)): \(Quantities.count(tensors, of: "tensor")), \(Quantities.bytes(bytes)): intact"
        ]
    }

    func quietLines(on page: Page) -> [String] {
        damages.map { "\(Printable.escape(path)): \(Printable.escape($0.place)): \($0.why)" }
    }

    var document: JSONValue {
        [
            "path": JSONValue(path), "tensors": JSONValue(tensors), "bytes": JSONValue(bytes),
            "damaged": .array(damages.map { ["place": JSONValue($0.place), "why": JSONValue($0.why)] }),
        ]
    }
}

/// A model that was read in its registry.
struct PushedSummary: Summary {
    let report: RegistryVerify.Report
    let reference: RegistryReference

    func lines(on page: Page) -> [String] {
        guard report.isWhole else { return quietLines(on: page) }
        let layers = Quantities.count(report.layers, of: "layer")
        let files = Quantities.count(report.files, of: "file")
        return quietLines(on: page) + [
            "\(reference.storeName): \(layers) in \(files) are intact; \(Quantities.bytes(report.bytesFetched)) read"
        ]
    }

    func quietLines(on page: Page) -> [String] {
        report.damages.map { damage in
            let files = damage.files.map(\.description).joined(separator: ", ")
            return "\(damage.layer.digest.short)  \(damage.why)\(files.isEmpty ? "" : "; needed by \(files)")"
        } + report.wrongFiles.map { "\($0)  does not have the SHA-256 that the manifest names" }
    }

    var document: JSONValue {
        let damages = report.damages.map { damage -> JSONValue in
            [
                "layer": JSONValue(damage.layer.digest.hex), "why": JSONValue(damage.why),
                "files": .array(damage.files.map { JSONValue($0.description) }),
            ]
        }
        return [
            "reference": JSONValue(reference.storeName), "layers": JSONValue(report.layers),
            "files": JSONValue(report.files), "bytes_fetched": JSONValue(report.bytesFetched),
            "damaged": .array(damages), "wrong_files": .array(report.wrongFiles.map { JSONValue($0.description) }),
        ]
    }
}
