/// What a Hub calls the content of a file, which is also its ETag: large files go by their SHA-256, what git keeps whole by
/// git's name of it.
public enum HubContent: Hashable, Sendable {
    case large(Digest)
    case small(GitDigest)

    public var etag: String {
        switch self {
        case .large(let digest): digest.hex
        case .small(let digest): digest.hex
        }
    }

    /// What git keeps of a large file.
    public static func pointer(to digest: Digest, size: UInt64) -> [UInt8] {
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:\(digest.hex)\nsize \(size)\n".utf8)
    }
}

extension Manifest.File {
    /// Where nobody said which it is: weights are large, and so is what is large.
    public var isUsuallyLarge: Bool {
        size > HubContent.largestInGit || segments.contains { $0.tensor != nil }
            || HubContent.largeEndings.contains { path.string.lowercased().hasSuffix($0) }
    }
}

extension HubContent {
    fileprivate static let largestInGit: UInt64 = 10 << 20

    /// What the Hub's own `.gitattributes` sends to large storage.
    fileprivate static let largeEndings = [
        ".bin", ".pt", ".pth", ".ckpt", ".h5", ".gguf", ".onnx", ".msgpack", ".model", ".npy", ".npz", ".parquet",
        ".pickle", ".pkl", ".tflite", ".zip", ".gz", ".ot", ".safetensors",
    ]
}
