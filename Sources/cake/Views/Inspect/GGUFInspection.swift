import Model
import Transfer

/// What a GGUF file says of itself: the pairs that every program writes, and its tensors.
struct GGUFInspection: Sendable {
    private struct Share {
        let name: String
        var tensors = 0
        var parameters: UInt64 = 0
    }

    let title: String
    private let file: GGUFFile

    init(_ path: String, typed: String) throws(CakeError) {
        title = typed
        file = try GGUFFile(path)
    }

    private var entries: [GGUF.Entry] { file.header.tensors }
    private var architecture: String? { file.header.metadata["general.architecture"]?.string }

    /// A pair of the architecture's own.
    private func own(_ key: String) -> UInt64? {
        architecture.flatMap { file.header.metadata["\($0).\(key)"]?.unsigned }
    }

    /// Most parameters first.
    private var shares: [Share] {
        var found: [String: Share] = [:]
        for entry in entries {
            let name = entry.encodingName
            var share = found[name] ?? Share(name: name)
            share.tensors += 1
            share.parameters = share.parameters.clampedSum(entry.parameters)
            found[name] = share
        }
        return found.values.sorted { ($1.parameters, $0.name) < ($0.parameters, $1.name) }
    }

    private var parameters: UInt64 { entries.reduce(0) { $0.clampedSum($1.parameters) } }

    func entries(matching filter: TensorFilter?) -> [GGUF.Entry] {
        entries.filter { filter?.matches($0.name) ?? true }
    }

    func lines(width: Int?, style: Style) -> [String] {
        var lines = [Facing.Line("Path", title, .strong)]
        func say(_ key: String, _ text: String?) {
            if let text { lines.append(Facing.Line(key, text)) }
        }
        let metadata = file.header.metadata
        say("Format", "GGUF \(file.header.version)")
        say("Name", metadata["general.name"]?.string)
        say("Architecture", architecture)
        say("Parameters", "\(Quantities.count(parameters)) in \(entries.count) tensors")
        let total = parameters
        let encodings = shares.map { "\($0.name) \(Quantities.percent($0.parameters, of: total))" }
        say("Encodings", encodings.joined(separator: ", "))
        say("Layers", own("block_count").map { "\($0)" })
        say("Hidden size", own("embedding_length").map { "\($0)" })
        say("Heads", own("attention.head_count").map { "\($0)" })
        say("Context", own("context_length").map { "\($0) tokens" })
        say("License", metadata["general.license"]?.string)
        say("Size", Quantities.bytes(file.size))
        return Facing(width: width, style: style).lines(of: lines)
    }

    func tensorLines(_ entries: [GGUF.Entry], width: Int?, style: Style) -> [String] {
        var table = Table([
            .init(title: "TENSOR", importance: 9, leastWidth: 24, keepsEnd: true),
            .init(title: "ENCODING", importance: 6), .init(title: "SHAPE", importance: 7),
            .init(title: "SIZE", alignment: .right, importance: 5),
        ])
        for entry in entries {
            let shape = entry.shape.map { "\($0)" }.joined(separator: "x")
            table.add([
                Table.Cell(entry.name.string), Table.Cell(entry.encodingName), Table.Cell(shape.isEmpty ? "-" : shape),
                Table.Cell(Quantities.bytes(entry.range.upperBound - entry.range.lowerBound)),
            ])
        }
        return table.lines(width: width, style: style)
    }

    var document: JSONValue {
        let encodings = shares.map { share -> JSONValue in
            [
                "encoding": JSONValue(share.name), "tensors": JSONValue(share.tensors),
                "parameters": JSONValue(share.parameters),
            ]
        }
        return [
            "path": JSONValue(title), "format": "gguf", "version": JSONValue(UInt64(file.header.version)),
            "model_type": JSONValue(architecture), "parameters": JSONValue(parameters),
            "bytes": JSONValue(file.size), "tensor_count": JSONValue(entries.count), "encodings": .array(encodings),
            "metadata": .object(file.header.metadata),
        ]
    }

    static func document(_ entry: GGUF.Entry) -> JSONValue {
        [
            "name": JSONValue(entry.name.string), "encoding": JSONValue(entry.encodingName),
            "shape": .array(entry.shape.map { JSONValue($0) }),
            "bytes": JSONValue(entry.range.upperBound - entry.range.lowerBound),
        ]
    }
}

extension GGUF.Entry {
    fileprivate var encodingName: String { encoding?.name ?? "type \(typeID)" }

    fileprivate var parameters: UInt64 { Tensor.elements(of: shape) ?? 0 }
}
