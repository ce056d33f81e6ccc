public import Model
internal import Platform

extension Outline {
    /// Adds git's names to small files without tensors. `read` gets a path and the largest size; nil leaves the file
    /// unchanged.
    public mutating func addGitDigests(
        reading read: (FilePath, Int) throws(CakeError) -> [UInt8]?
    ) throws(CakeError) {
        let limit = 16 << 20
        for index in files.indices where files[index].gitDigest == nil && files[index].size <= UInt64(limit) {
            guard !files[index].hasTensors, let bytes = try read(files[index].path, limit) else { continue }
            var hash = GitHash(size: files[index].size)
            hash.update(bytes.span)
            files[index].gitDigest = hash.finish()
        }
    }
}
