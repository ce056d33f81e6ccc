/// A Hub's identifier of a file's content, which is also its ETag: the SHA-256 of large files, git's name of files that
/// git stores whole.
public enum HubContent: Hashable, Sendable {
    case large(Digest)
    case small(GitDigest)

    public var etag: String {
        switch self {
        case .large(let digest): digest.hex
        case .small(let digest): digest.hex
        }
    }

    /// The pointer that git stores for a large file.
    public static func pointer(to digest: Digest, size: UInt64) -> [UInt8] {
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:\(digest.hex)\nsize \(size)\n".utf8)
    }
}

extension Manifest.File {
    /// If nothing says whether it is large: weights are, and so are files above a size.
    public var isUsuallyLarge: Bool {
        size > HubContent.largestInGit || segments.contains { $0.tensor != nil }
            || HubContent.largeEndings.contains { path.string.lowercased().hasSuffix($0) }
    }
}

extension HubContent {
    fileprivate static let largestInGit: UInt64 = 10 << 20

    /// The endings that the Hub's own `.gitattributes` sends to large storage.
    fileprivate static let largeEndings = [
        ".bin", ".pt", ".pth", ".ckpt", ".h5", ".gguf", ".onnx", ".msgpack", ".model", ".npy", ".npz", ".parquet",
        ".pickle", ".pkl", ".tflite", ".zip", ".gz", ".ot", ".safetensors",
    ]
}
