public import Model
internal import Platform

/// The facts of an archive, unchecked.
extension ArchiveFile {
    /// As the model that an import of it gives.
    public var outline: Outline {
        let facts = archive.facts
        var files = facts.manifest.files.map { Outline.File($0) }
        if let header = archive.header, let path = try? FilePath(Pull.partName) {
            let size = UInt64(header.bytes.count)
            let first = Outline.Segment(
                content: .digest(SHA256.digest(of: header.bytes.span)), size: size, tensor: nil)
            let rest = facts.weights.entries.map {
                Outline.Segment(content: .digest($0.layer.digest), size: $0.layer.size, tensor: $0.tensor)
            }
            files.append(
                Outline.File(path: path, size: size + facts.weights.size, digest: nil, segments: [first] + rest))
        }
        return Outline(files: files)
    }

    /// A small file of the archive; nil if there is none, or it is too large.
    public func bytes(of path: String, limit: Int) throws(CakeError) -> [UInt8]? {
        let positions = archive.positions
        guard let found = archive.facts.manifest.file(at: path), found.size <= UInt64(limit) else { return nil }
        var bytes: [UInt8] = []
        for segment in found.segments where segment.layer.size > 0 {
            guard let position = positions[segment.layer.digest] else { return nil }
            bytes += try file.bytes(at: position, count: Int(segment.layer.size))
        }
        return bytes
    }
}
