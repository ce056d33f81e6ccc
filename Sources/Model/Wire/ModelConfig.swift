/// The facts of a model for programs that list artifacts: the config blob of docs/wire.md.
public enum ModelConfig {
    private static let version = 1

    /// The same model gives the same bytes.
    public static func encode(_ digest: Digest, _ manifest: Manifest, _ facts: Facts) -> [UInt8] {
        var object = JSONObject([
            .init(key: "cake", value: JSONValue(version)), .init(key: "manifest", value: .string(digest.hex)),
            .init(key: "files", value: JSONValue(manifest.files.count)),
            .init(key: "bytes", value: JSONValue(manifest.size)),
            .init(key: "tensors", value: JSONValue(facts.tensors)),
            .init(key: "parameters", value: JSONValue(facts.parameters)),
        ])
        if let architecture = facts.architectures.first { object.append("architecture", .string(architecture)) }
        if !facts.dtypes.isEmpty {
            object.append("dtypes", .array(facts.dtypes.map { .string($0.dtype.rawValue) }))
        }
        return JSONValue.object(object).bytes(.compact)
    }
}
