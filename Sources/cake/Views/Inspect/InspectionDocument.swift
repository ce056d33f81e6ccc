import Model

/// An inspection for scripts: everything in exact numbers.
enum InspectionDocument {
    /// All but the tensors, of which a large model has ninety thousand.
    static func document(_ inspection: Inspection) -> JSONObject {
        let facts = inspection.facts
        var object = JSONObject()
        if let named = inspection.named {
            object.append("name", JSONValue(named.name.string))
            object.append("manifest", JSONValue(named.record.manifest.hex))
            object.append("partial", .bool(named.record.isPartial))
            if named.record.isPartial { object.append("tensors_missing", JSONValue(named.record.missing.count)) }
            object.append("pinned", .bool(named.record.isPinned))
            object.append("time", JSONValue(named.record.time))
        }
        if inspection.remote != nil || inspection.bytesToFetch != nil {
            object.append("name", JSONValue(inspection.title))
        }
        if let path = inspection.path { object.append("path", JSONValue(path)) }
        object.append("source", JSONValue(inspection.source))
        object.append("revision", JSONValue(inspection.revision))
        object.append("commit", JSONValue(inspection.commit))
        object.append("architectures", .array(facts.architectures.map { .string($0) }))
        object.append("model_type", JSONValue(facts.modelType))
        object.append("base_model", JSONValue(inspection.baseModel))
        object.append("parameters", JSONValue(facts.parameters))
        object.append("layers", JSONValue(facts.layers))
        object.append("hidden_size", JSONValue(facts.hiddenSize))
        object.append("heads", JSONValue(facts.heads))
        object.append("key_value_heads", JSONValue(facts.keyValueHeads))
        object.append("experts", JSONValue(facts.experts))
        object.append("context_length", JSONValue(facts.contextLength))
        object.append("vocabulary", JSONValue(facts.vocabulary))
        object.append("bytes", JSONValue(inspection.size))
        object.append("tensor_count", JSONValue(facts.tensors))
        object.append("tensor_bytes", JSONValue(facts.bytes))
        object.append("dtypes", .array(facts.dtypes.map(document)))
        object.append("files", .array(inspection.files.map(document)))
        if let bytes = inspection.bytesToFetch { object.append("bytes_to_fetch", JSONValue(bytes)) }
        if let remote = inspection.remote {
            object.append("digests_known", JSONValue(inspection.tensors.count { $0.digest != nil }))
            object.append("remote", document(remote))
        }
        return object
    }

    private static func document(_ remote: Inspection.Remote) -> JSONValue {
        let info = remote.info
        return [
            "private": .bool(info.isPrivate), "gated": info.gate == .open ? false : JSONValue(info.gate.rawValue),
            "license": JSONValue(info.license), "task": JSONValue(info.task), "library": JSONValue(info.library),
            "modified": JSONValue(info.modified), "downloads": JSONValue(info.downloads),
            "likes": JSONValue(info.likes),
            "bytes_to_fetch": JSONValue(remote.bytesToFetch), "bytes_left_out": JSONValue(remote.otherBytes),
        ]
    }

    private static func document(_ share: Facts.Share) -> JSONValue {
        [
            "dtype": JSONValue(share.dtype.rawValue), "tensors": JSONValue(share.tensors),
            "parameters": JSONValue(share.parameters), "bytes": JSONValue(share.bytes),
        ]
    }

    private static func document(_ file: Inspection.File) -> JSONValue {
        ["path": JSONValue(file.path.string), "bytes": JSONValue(file.size), "tensors": JSONValue(file.tensors)]
    }

    static func document(_ row: Inspection.Row) -> JSONValue {
        var object = JSONObject()
        object.append("name", JSONValue(row.tensor.name.string))
        object.append("file", JSONValue(row.file.string))
        object.append("dtype", JSONValue(row.tensor.dtype.rawValue))
        object.append("shape", .array(row.tensor.shape.map { JSONValue($0) }))
        object.append("bytes", JSONValue(row.tensor.byteCount))
        if let digest = row.digest { object.append("digest", JSONValue(digest.hex)) }
        return .object(object)
    }
}
