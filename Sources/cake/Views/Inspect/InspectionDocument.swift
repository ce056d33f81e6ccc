import Model

/// An inspection for scripts: everything in exact numbers.
enum InspectionDocument {
    /// All but the tensors, of which a large model has ninety thousand.
    static func document(_ inspection: Inspection) -> JSONObject {
        let facts = inspection.facts
        var object = JSONObject()
        if let named = inspection.named {
            let record = named.record
            object.append([
                "name": JSONValue(named.name.string), "id": JSONValue(record.manifest.short),
                "manifest": JSONValue(record.manifest.hex), "partial": .bool(record.isIncomplete),
            ])
            if record.isPartial { object.append("tensors_missing", JSONValue(record.missing.count)) }
            if let missing = record.missingFiles {
                object.append([
                    "files_missing": JSONValue(missing.count), "bytes_missing": JSONValue(missing.bytes),
                ])
            }
            object.append(["pinned": .bool(record.isPinned), "time": JSONValue(record.time)])
        }
        if inspection.remote != nil || inspection.bytesToFetch != nil {
            object.append("name", JSONValue(inspection.title))
        }
        if let path = inspection.path { object.append("path", JSONValue(path)) }
        object.append([
            "source": JSONValue(inspection.source), "revision": JSONValue(inspection.revision),
            "commit": JSONValue(inspection.commit),
            "architectures": .array(facts.architectures.map { .string($0) }),
            "model_type": JSONValue(facts.modelType ?? inspection.gguf?.architecture),
            "base_model": JSONValue(inspection.baseModel),
            "parameters": JSONValue(inspection.gguf?.parameters ?? facts.parameters),
            "layers": JSONValue(facts.layers), "hidden_size": JSONValue(facts.hiddenSize),
            "heads": JSONValue(facts.heads), "key_value_heads": JSONValue(facts.keyValueHeads),
            "experts": JSONValue(facts.experts), "context_length": JSONValue(facts.contextLength),
            "vocabulary": JSONValue(facts.vocabulary), "bytes": JSONValue(inspection.size),
            "tensor_count": JSONValue(inspection.gguf?.entries.count ?? facts.tensors),
            "tensor_bytes": JSONValue(facts.bytes),
            "dtypes": .array(facts.dtypes.map(document)), "files": .array(inspection.files.map(document)),
        ])
        if inspection.named != nil { object.append("signatures", .array(inspection.signatures.map(\.document))) }
        if let shape = inspection.shape { object.append("shape", shape.document) }
        if let gguf = inspection.gguf { object.append("encodings", gguf.encodings) }
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
        object.append([
            "name": JSONValue(row.tensor.name.string), "file": JSONValue(row.file.string),
            "dtype": JSONValue(row.tensor.dtype.rawValue), "shape": .array(row.tensor.shape.map { JSONValue($0) }),
            "bytes": JSONValue(row.tensor.byteCount),
        ])
        if let digest = row.digest { object.append("digest", JSONValue(digest.hex)) }
        return .object(object)
    }
}
