internal import Model
internal import Store

extension OpenModel {
    /// What a caller may know of the model. The tensors are written one by one: of ninety thousand, a tree would take much memory.
    func document() throws(CakeError) -> [UInt8] {
        let record = named.record
        let tensors = try tensors()
        var presence = Presence(of: store)
        var files: [(here: Bool, document: JSONValue)] = []
        let isClaim = try store.isClaim(record.manifest)
        for file in manifest.files { files.append(try document(file, isClaim: isClaim, &presence)) }
        var metadata: [JSONValue] = []
        for file in manifest.files { metadata.append(try self.metadata(file, &presence)) }
        let isWhole = !record.isIncomplete && files.allSatisfy(\.here)
        let head: JSONValue = [
            "name": JSONValue(named.name.string), "revision": JSONValue(record.revision),
            "commit": JSONValue(record.commit), "manifest": JSONValue(OpenModel.digest(record.manifest)),
            "size": JSONValue(manifest.size), "complete": .bool(isWhole),
            "missing": [
                "tensors": .array(record.missing.map { JSONValue($0) }),
                "files": .array((record.missingFiles?.paths ?? []).map { JSONValue($0) }),
            ],
            "files": .array(files.map(\.document)), "metadata": .array(metadata),
        ]
        var bytes = head.bytes(.compact)
        bytes.removeLast()
        bytes += ",\"tensors\":[".utf8
        for (number, tensor) in tensors.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += try document(tensor, &presence).bytes(.compact)
        }
        bytes += "]}".utf8
        return bytes
    }

    private func document(
        _ file: Manifest.File, isClaim: Bool, _ presence: inout Presence
    ) throws(CakeError) -> (Bool, JSONValue) {
        var isHere = true
        for segment in file.segments where isHere { isHere = try presence.has(segment.layer) }
        return (
            isHere,
            [
                "path": JSONValue(file.path.string), "size": JSONValue(file.size),
                "sha256": JSONValue(isClaim ? nil : file.digest.hex), "here": .bool(isHere),
            ]
        )
    }

    private func document(_ tensor: StoredTensor, _ presence: inout Presence) throws(CakeError) -> JSONValue {
        var isHere = true
        if let layer = tensor.layer {
            isHere = try presence.has(layer)
        } else {
            let file = manifest.files[tensor.file]
            for part in file.extents.parts(of: tensor.bytes) where isHere {
                isHere = try presence.has(file.segments[part.index].layer)
            }
        }
        return [
            "name": JSONValue(tensor.name.string), "dtype": JSONValue(tensor.dtype),
            "shape": .array(tensor.shape.map { JSONValue($0) }), "size": JSONValue(tensor.bytes.length),
            "file": JSONValue(tensor.file), "offset": JSONValue(tensor.bytes.lowerBound),
            "layer": JSONValue(tensor.layer.map { OpenModel.digest($0.digest) }), "here": .bool(isHere),
        ]
    }

    /// What the header of a safetensors file says besides its tensors.
    private func metadata(_ file: Manifest.File, _ presence: inout Presence) throws(CakeError) -> JSONValue {
        guard file.segments.count > 1 || file.path.string.lowercased().hasSuffix(".safetensors"),
            let first = file.segments.first, first.tensor == nil,
            file.segments.dropFirst().allSatisfy({ $0.tensor != nil }),
            first.layer.size <= UInt64(Safetensors.maximumHeaderSize) + 8, try presence.has(first.layer)
        else { return .null }
        let bytes = try reader.bytes(of: first.layer, limit: Safetensors.maximumHeaderSize + 8)
        let json = bytes.span.extracting(min(8, bytes.count)..<bytes.count)
        // A file that is safetensors by its name alone has no header.
        guard let header = try? Safetensors.Header(parsing: json, fileSize: file.size), !header.metadata.isEmpty else {
            return .null
        }
        return .object(JSONObject(header.metadata.map { .init(key: $0.key, value: .string($0.value)) }))
    }

    private static func digest(_ digest: Digest) -> String { "sha256:" + digest.hex }
}

/// Which layers are in the store: each is looked for once.
private struct Presence {
    private let store: LocalStore
    private var known: [Digest: Bool] = [:]

    init(of store: LocalStore) { self.store = store }

    mutating func has(_ layer: Layer) throws(CakeError) -> Bool {
        if let known = known[layer.digest] { return known }
        let isHere = try store.contains(layer)
        known[layer.digest] = isHere
        return isHere
    }
}
