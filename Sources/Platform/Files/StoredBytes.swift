public import Model

/// Bytes that are here, in memory or in files, for a reader that takes them in its own time.
public enum StoredBytes: Sendable {
    case memory([UInt8])
    case file(File, Range<UInt64>)
    case runs(FileRuns)

    public var count: UInt64 {
        switch self {
        case .memory(let bytes): UInt64(bytes.count)
        case .file(_, let range): range.upperBound - range.lowerBound
        case .runs(let runs): runs.count
        }
    }

    /// The same bytes, compared with their digest while they are read. `ended` gets the result.
    public func proved(by digest: Digest, ended: @escaping @Sendable (Bool) -> Void) -> StoredBytes {
        switch self {
        case .memory: self
        case .file(let file, let range):
            .runs(
                FileRuns([
                    FileRuns.Run(count: range.upperBound - range.lowerBound) { () throws(CakeError) in
                        (file, range.lowerBound)
                    }
                ]).proved(by: digest, ended: ended))
        case .runs(let runs): .runs(runs.proved(by: digest, ended: ended))
        }
    }
}
