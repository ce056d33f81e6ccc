import Model
import Remote
import Transfer

/// What the manifest and the config of another tool say of a model.
struct ShapeInspection: Sendable {
    let shape: ForeignShape
    let facts: ForeignFacts
    let layers: Int
    let archives: Int
    let archiveBytes: UInt64
    let knownArchives: Int
    let parent: String?

    init(_ model: ForeignRegistryModel) {
        let found = model.remote.model
        (shape, facts, layers, parent) = (found.shape, found.facts, found.layers.count, found.parent)
        archives = found.archives.count
        archiveBytes = found.archives.reduce(0) { $0 + $1.size }
        knownArchives = model.knownArchives
    }

    var lines: [Facing.Line] {
        var lines = [
            Facing.Line("Shape", "\(shape.words), \(Quantities.count(layers, of: "layer"))")
        ]
        if archives > 0 {
            let size = Quantities.bytes(archiveBytes)
            let known = knownArchives > 0 ? "; \(knownArchives) of them were read by an earlier pull" : ""
            lines.append(
                Facing.Line(
                    "Archives",
                    "\(Quantities.count(archives, of: "layer")) of \(size): files known after a pull\(known)"))
        }
        let said = [
            ("Format", facts.format), ("Family", facts.family), ("Says", says), ("License", facts.license),
            ("Parent", parent),
        ]
        for (title, text) in said { if let text { lines.append(Facing.Line(title, Printable.escape(text))) } }
        return lines
    }

    private var says: String? {
        let parts = [facts.name, facts.architecture, facts.parameters, facts.precision, facts.quantization]
        let words = parts.compactMap(\.self)
        return words.isEmpty ? nil : words.joined(separator: ", ")
    }

    var document: JSONValue {
        [
            "kind": JSONValue(shape.rawValue), "layers": JSONValue(layers), "archives": JSONValue(archives),
            "archive_bytes": JSONValue(archiveBytes), "format": JSONValue(facts.format), "name": JSONValue(facts.name),
            "family": JSONValue(facts.family), "architecture": JSONValue(facts.architecture),
            "parameters": JSONValue(facts.parameters), "precision": JSONValue(facts.precision),
            "quantization": JSONValue(facts.quantization), "license": JSONValue(facts.license),
            "parent": JSONValue(parent),
        ]
    }
}
