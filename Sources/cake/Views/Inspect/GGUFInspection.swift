import Model
import Transfer

/// What a GGUF file, or a model in several of them, says of itself: the pairs that every program writes, and its tensors.
struct GGUFInspection: Sendable {
    private struct Share {
        let name: String
        var tensors = 0
        var parameters: UInt64 = 0
    }

    let title: String
    private let size: UInt64
    private let version: UInt32
    private let metadata: JSONObject
    let entries: [GGUF.Entry]

    init(_ path: String, typed: String) throws(CakeError) {
        let file = try GGUFFile(path)
        self.init(typed, file.size, file.header, file.header.tensors)
    }

    /// The parts of one model, in order.
    init?(_ headers: [GGUF.Header]) {
        guard let first = headers.first else { return nil }
        self.init("", 0, first, headers.flatMap(\.tensors))
    }

    private init(_ title: String, _ size: UInt64, _ first: GGUF.Header, _ entries: [GGUF.Entry]) {
        (self.title, self.size, self.entries) = (title, size, entries)
        (version, metadata) = (first.version, first.metadata)
    }

    var architecture: String? { metadata["general.architecture"]?.string }

    /// A pair of the architecture's own.
    private func own(_ key: String) -> UInt64? {
        architecture.flatMap { metadata["\($0).\(key)"]?.unsigned }
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

    var parameters: UInt64 { entries.reduce(0) { $0.clampedSum($1.parameters) } }

    func entries(matching filter: TensorFilter?) -> [GGUF.Entry] {
        entries.filter { filter?.matches($0.name) ?? true }
    }

    func lines(width: Int?, style: Style) -> [String] {
        let lines = [Facing.Line("Path", title, .strong)] + facts + [Facing.Line("Size", Quantities.bytes(size))]
        return Facing(width: width, style: style).lines(of: lines)
    }

    var facts: [Facing.Line] {
        var lines: [Facing.Line] = []
        func say(_ key: String, _ text: String?) {
            if let text { lines.append(Facing.Line(key, text)) }
        }
        say("Format", "GGUF \(version)")
        say("Name", metadata["general.name"]?.string)
        say("Architecture", architecture)
        say("Parameters", "\(Quantities.count(parameters)) in \(Quantities.count(entries.count, of: "tensor"))")
        let total = parameters
        let encodings = shares.map { "\($0.name) \(Quantities.percent($0.parameters, of: total))" }
        say("Encodings", encodings.joined(separator: ", "))
        say("Layers", own("block_count").map { "\($0)" })
        say("Hidden size", own("embedding_length").map { "\($0)" })
        say("Heads", own("attention.head_count").map { "\($0)" })
        say("Context", own("context_length").map { "\($0) tokens" })
        say("License", metadata["general.license"]?.string)
        return lines
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

    var encodings: JSONValue {
        .array(
            shares.map { share in
                [
                    "encoding": JSONValue(share.name), "tensors": JSONValue(share.tensors),
                    "parameters": JSONValue(share.parameters),
                ]
            })
    }

    var document: JSONValue {
        [
            "path": JSONValue(title), "format": "gguf", "version": JSONValue(UInt64(version)),
            "model_type": JSONValue(architecture), "parameters": JSONValue(parameters),
            "bytes": JSONValue(size), "tensor_count": JSONValue(entries.count), "encodings": encodings,
            "metadata": .object(metadata),
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
