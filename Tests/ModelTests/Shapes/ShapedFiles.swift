import Model
import Platform
import Support

/// Files of a model with their bytes, for tests of shapes.
struct ShapedFiles {
    private(set) var files: [Manifest.File] = []
    private var contents: [Digest: [UInt8]] = [:]

    init(_ all: KeyValuePairs<String, [UInt8]>) throws {
        for (path, bytes) in all {
            let digest = SHA256.digest(of: bytes.span)
            contents[digest] = bytes
            files.append(try ShapedFiles.file(path, digest, size: UInt64(bytes.count)))
        }
        files.sort { $0.path < $1.path }
    }

    static func file(_ path: String, _ digest: Digest = .empty, size: UInt64) throws -> Manifest.File {
        let layers = size == 0 ? [] : [Manifest.Segment(layer: Layer(digest: digest, size: size), tensor: nil)]
        return try Manifest.File(path: FilePath(path), digest: digest, size: size, segments: layers)
    }

    /// The bytes of a range of a blob.
    func bytes(_ plan: BlobPlan, _ range: Range<UInt64>? = nil) -> [UInt8] {
        plan.parts(of: range ?? 0..<plan.size).flatMap { part -> [UInt8] in
            switch part {
            case .bytes(let bytes): bytes
            case .file(let file, let run):
                Array((contents[file.digest] ?? [])[Int(run.lowerBound)..<Int(run.upperBound)])
            }
        }
    }
}

func sha256(_ bytes: [UInt8]) -> Digest { SHA256.digest(of: bytes.span) }
