public import Model
internal import Platform

extension LocalStore {
    /// A Hub's identifier of a file's content. `etag` is the identifier of its own Hub, if it came from one.
    public func hubContent(
        of file: Manifest.File, calling etag: String?, with reader: LayerReader
    ) throws(CakeError) -> HubContent {
        let large = HubContent.large(file.digest)
        if etag == file.digest.hex || etag == nil && file.isUsuallyLarge { return large }
        // No git would have it.
        guard file.size <= KnownFiles.smallLimit else { return large }
        let found = try gitDigest(of: file, with: reader)
        return etag == nil || etag == found.hex ? .small(found) : large
    }

    /// For a file that can be read completely. Its bytes are also compared with the file's digest, which may be a
    /// pusher's claim.
    public func gitDigest(of file: Manifest.File, with reader: LayerReader) throws(CakeError) -> GitDigest {
        try gitDigests.value(for: file.digest) { () throws(CakeError) in
            var hash = GitHash(size: file.size)
            var own = SHA256()
            for segment in file.segments {
                for index in 0..<LayerReader.pieces(of: segment.layer) {
                    let chunk = try reader.piece(index, of: segment.layer)
                    chunk.withBytes { bytes in
                        hash.update(bytes)
                        own.update(bytes)
                    }
                    reader.giveBack(chunk)
                }
            }
            let found = own.finish()
            guard found == file.digest else {
                throw CakeError(
                    .damaged, "\(file.path) hashes to \(found.short), and is called \(file.digest.short)")
            }
            return hash.finish()
        }
    }
}
