/// A comparison for scripts: everything in exact numbers.
public enum ComparisonDocument {
    /// All but the tensors.
    public static func document(_ comparison: Comparison) -> JSONObject {
        let difference = comparison.difference
        let summary = DifferenceSummary(difference, numbers: comparison.numbers)
        var object = JSONObject()
        object.append([
            "a": JSONValue(comparison.before), "b": JSONValue(comparison.after), "same": .bool(comparison.isSame),
            "identical": .bool(difference.isIdentical), "bytes_needed": JSONValue(difference.bytesNeeded),
            "bytes_shared": JSONValue(difference.bytesShared), "bytes_unknown": JSONValue(difference.bytesUnknown),
            "bytes_alike": JSONValue(difference.bytesAlike),
        ])
        if let pull = comparison.pull {
            object.append(
                "pull",
                [
                    "files": JSONValue(pull.files), "bytes": JSONValue(pull.bytes),
                    "files_to_fetch": JSONValue(pull.filesToFetch), "bytes_to_fetch": JSONValue(pull.bytesToFetch),
                ])
        }
        object.append([
            "counts": counts(summary.counts, Difference.Kind.allCases), "blocks": .array(summary.rows.map(document)),
            "files": .array(difference.files.map(document)),
        ])
        return object
    }

    /// All tensors, or those whose numbers were compared.
    public static func tensors(_ comparison: Comparison, all: Bool) -> some Sequence<JSONValue> {
        comparison.difference.tensors.indices.lazy
            .filter { all || comparison.numbers(of: $0) != nil }
            .map { document(comparison.difference.tensors[$0], comparison.numbers(of: $0)) }
    }

    private static func key(_ kind: Difference.Kind) -> String {
        kind == .dtypeChanged ? "dtype_changed" : kind.rawValue
    }

    private static func counts(_ counts: DifferenceSummary.Counts, _ kinds: [Difference.Kind]) -> JSONValue {
        .object(JSONObject(kinds.map { JSONObject.Member(key: key($0), value: JSONValue(counts[$0])) }))
    }

    private static func document(_ row: DifferenceSummary.Row) -> JSONValue {
        var object = JSONObject()
        object.append([
            "prefix": JSONValue(row.prefix.string), "first": JSONValue(row.numbers?.lowerBound),
            "last": JSONValue(row.numbers?.upperBound), "counts": counts(row.counts, row.counts.kinds),
            "bytes": JSONValue(row.bytes), "bytes_changed": JSONValue(row.bytesChanged),
        ])
        if let numbers = row.numeric { object.append("numeric", document(numbers)) }
        return .object(object)
    }

    private static func document(_ change: Difference.FileChange) -> JSONValue {
        [
            "path": JSONValue(change.path.string), "what": JSONValue(key(change.kind)),
            "before": document(change.before),
            "after": document(change.after),
        ]
    }

    private static func document(_ version: Difference.Version?) -> JSONValue {
        version.map { ["bytes": JSONValue($0.size), "digest": JSONValue($0.digest?.hex)] } ?? .null
    }

    private static func document(_ change: Difference.TensorChange, _ numbers: NumericDifference?) -> JSONValue {
        var object = JSONObject()
        object.append([
            "name": JSONValue(change.name.string), "what": JSONValue(key(change.kind)),
            "before": document(change.before), "after": document(change.after),
        ])
        if let numbers { object.append("numeric", document(numbers)) }
        return .object(object)
    }

    private static func document(_ place: Difference.Place?) -> JSONValue {
        guard let place else { return .null }
        return [
            "name": JSONValue(place.tensor.name.string), "file": JSONValue(place.file.string),
            "dtype": JSONValue(place.tensor.dtype.rawValue), "shape": .array(place.tensor.shape.map { JSONValue($0) }),
            "bytes": JSONValue(place.size), "digest": JSONValue(place.layer?.digest.hex),
        ]
    }

    private static func document(_ numbers: NumericDifference) -> JSONValue {
        [
            "elements": JSONValue(numbers.elements), "changed": JSONValue(numbers.changed),
            "not_finite": JSONValue(numbers.leftOut), "max": JSONValue(numbers.largest),
            "mean": JSONValue(numbers.mean),
        ]
    }
}
