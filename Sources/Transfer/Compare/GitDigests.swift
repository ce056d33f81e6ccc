public import Model
internal import Platform

extension Outline {
    /// Gives the files without tensors that are small the name git has for them. `read` is given a path and how large the
    /// file may be at most; nil leaves the file as it is.
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
