internal import Model

/// Misbehaviours as JSON: `[{"when": {"ending": ".safetensors", "times": 2}, "do": [{"cut": 1000}, "gzip"]}]`, or one such
/// object. In `when`: `at` (hub, cdn, cas), `method`, `ending`, `part`, `ranged`, `skipping`, `times`; all may be left out.
public enum MisbehaviourText {
    public static func read(_ bytes: [UInt8]) throws -> [(match: Match, acts: [Misbehaviour])] {
        let value = try JSONValue(parsing: bytes.span)
        return try (value.array ?? [value]).map { rule in
            let acts = rule["do"].map { $0.array ?? [$0] } ?? []
            return (match(rule["when"]), try acts.map { try act($0) })
        }
    }

    private static func match(_ value: JSONValue?) -> Match {
        var match = Match()
        match.place = value?["at"]?.string.flatMap { Place(rawValue: $0) }
        match.method = value?["method"]?.string
        match.pathEnding = value?["ending"]?.string
        match.pathPart = value?["part"]?.string
        match.hasRange = value?["ranged"]?.bool
        match.skipping = value?["skipping"]?.unsigned.map { Int($0) } ?? 0
        match.times = value?["times"]?.unsigned.map { Int($0) }
        return match
    }

    private static func act(_ value: JSONValue) throws -> Misbehaviour {
        if let word = value.string { return try act(word, nil) }
        guard let member = value.object?.members.first else { throw HubError("no misbehaviour: \(value)") }
        return try act(member.key, member.value)
    }

    private static func act(_ word: String, _ value: JSONValue?) throws -> Misbehaviour {
        let number = value?.unsigned
        let text = value?.string
        switch (word, number, text) {
        case ("cut", let bytes?, _): return .cut(afterBytes: bytes)
        case ("shorter", let bytes?, _): return .shorter(by: bytes)
        case ("longer", let bytes?, _): return .longer(by: bytes)
        case ("understated", let bytes?, _): return .understated(by: bytes)
        case ("flip", let place?, _): return .flip(atByte: place)
        case ("safetensorsLength", let length?, _): return .overwrite(atByte: 0, safetensorsLength(length))
        case ("stall", let bytes?, _): return .stall(afterBytes: bytes)
        case ("startAfterMilliseconds", let time?, _): return .startAfter(.milliseconds(Int64(time)))
        case ("drip", let rate?, _): return .drip(bytesPerSecond: Int(rate))
        case ("expire", let bytes?, _): return .expire(afterBytes: bytes)
        case ("headerFlood", let bytes?, _): return .headerFlood(bytes: Int(bytes))
        case ("hugeTree", let files?, _): return .hugeTree(files: Int(files))
        case ("claimMore", let bytes?, _): return .claimMore(bytes: bytes)
        case ("redirect", _, let target?): return .redirect(to: target)
        case ("serve", _, let path?): return .serve(path: path)
        case ("ignoreRange", _, _): return .ignoreRange
        case ("redirectToItself", _, _): return .redirectToItself
        case ("gzip", _, _): return .gzip
        case ("hangUp", _, _): return .hangUp
        case ("endlessTree", _, _): return .endlessTree
        case ("maskedHashes", _, _): return .maskedHashes
        case ("answer", _, _): return answer(value)
        case ("header", _, _): return .header(value?["name"]?.string ?? "", value?["value"]?.string)
        case ("treeEntries", _, _):
            return .treeEntries(
                (value?.array ?? []).map {
                    .init(path: $0["path"]?.string ?? "", size: $0["size"]?.unsigned ?? 0, sha256: $0["sha256"]?.string)
                })
        default: throw HubError("no misbehaviour, or not with this value: \(word)")
        }
    }

    /// `{"status": 503, "headers": {"Retry-After": "1"}, "body": "…"}`, or the status alone.
    private static func answer(_ value: JSONValue?) -> Misbehaviour {
        let headers = (value?["headers"]?.object?.members ?? []).map { ($0.key, $0.value.string ?? "") }
        return .answer(
            Int(value?.unsigned ?? value?["status"]?.unsigned ?? 500),
            headers: Dictionary(headers, uniquingKeysWith: { $1 }),
            body: value?["body"]?.string ?? "")
    }
}
