public import Model
internal import Platform
internal import Remote

/// Bytes that are read by ranges, from any place. Another storage adds the place of its bytes here.
public struct StorageBody: Sendable {
    public let size: UInt64
    let place: Place

    enum Place: Sendable {
        case memory([UInt8])
        /// `isGiven` says that the file is complete and synced, and that its path may be removed.
        case file(File, start: UInt64, isGiven: Bool)
        /// On a server; the first bytes came when it was opened.
        case remote(any RangeSource, beginning: [UInt8])
        /// In the objects of a store.
        case objects(ObjectRuns)
    }

    public init(_ bytes: [UInt8]) {
        size = UInt64(bytes.count)
        place = .memory(bytes)
    }

    init(_ file: File, start: UInt64 = 0, size: UInt64) {
        self.size = size
        place = .file(file, start: start, isGiven: false)
    }

    init(_ source: any RangeSource, size: UInt64, beginning: [UInt8]) {
        self.size = size
        place = UInt64(beginning.count) == size ? .memory(beginning) : .remote(source, beginning: beginning)
    }

    init(_ objects: ObjectRuns) {
        size = objects.size
        place = .objects(objects)
    }

    /// A storage on the same disk takes the file itself; every other reads it.
    init(giving file: File) throws(CakeError) {
        size = try file.size()
        place = .file(file, start: 0, isGiven: true)
    }

    /// Its file, and where it begins in it; nil for bytes in another place.
    var file: (file: File, start: UInt64)? {
        if case .file(let file, let start, _) = place { return (file, start) }
        return nil
    }

    /// Whether it is neither in memory nor in one file.
    var isElsewhere: Bool {
        switch place {
        case .memory, .file: false
        case .remote, .objects: true
        }
    }

    /// A range within its size.
    public func bytes(_ range: Range<UInt64>) async throws(CakeError) -> [UInt8] {
        switch place {
        case .memory(let bytes): Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        case .file(let file, let start, _):
            try file.bytes(at: start + range.lowerBound, count: Int(range.upperBound - range.lowerBound))
        case .remote(let source, let beginning):
            if range.upperBound <= UInt64(beginning.count) {
                Array(beginning[Int(range.lowerBound)..<Int(range.upperBound)])
            } else {
                try await S3Storage.naming { try await source.bytes(range) }
            }
        case .objects(let objects): try objects.bytes(range)
        }
    }

    /// Puts a range into an empty chunk, which has room for it.
    func fill(_ chunk: Chunk, with range: Range<UInt64>) async throws(CakeError) {
        switch place {
        case .memory(let bytes):
            chunk.copy(bytes.span.extracting(Int(range.lowerBound)..<Int(range.upperBound)))
        case .file(let file, let start, _):
            try file.fill(chunk, from: start + range.lowerBound, count: Int(range.upperBound - range.lowerBound))
        case .remote(let source, _):
            _ = try await S3Storage.naming { try await source.fill(chunk, with: range) }
        case .objects(let objects):
            let bytes = try objects.bytes(range)
            chunk.copy(bytes.span)
        }
    }

    /// The same for sending: no byte of a file is read before. Nil for bytes that are not here.
    func stored(_ range: Range<UInt64>) -> StoredBytes? {
        switch place {
        case .remote, .objects: nil
        case .memory(let bytes): .memory(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        case .file(let file, let start, _):
            range.isEmpty ? .memory([]) : .file(file, start + range.lowerBound..<start + range.upperBound)
        }
    }
}
