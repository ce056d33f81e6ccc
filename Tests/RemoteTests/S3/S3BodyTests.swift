import Model
import Platform
import Support
import Synchronization
import Testing

@testable import Remote

/// What is put into object storage, read as often as that takes.
@Suite struct `A body for object storage` {
    private final class Counts: Sendable {
        private let both = Mutex((sent: 0, hashed: 0))

        func add(_ chunk: Chunk, isSending: Bool) {
            let count = chunk.count
            both.withLock { if isSending { $0.sent += count } else { $0.hashed += count } }
        }

        var sent: Int { both.withLock { $0.sent } }
        var hashed: Int { both.withLock { $0.hashed } }
    }

    @Test(arguments: [100_000, 40 << 20]) func `says which of its bytes are sent, and which only hashed`(
        _ size: Int
    ) async throws {
        let stand = try S3Stand(.ceph)
        let values = S3Values(try S3Stage.bucket(stand.endpoint), largestRequest: 20 << 20)
        let counts = Counts()
        let body = S3Body(size: UInt64(size)) { range, sink in
            try await S3Body.inChunks(range, sink) { part, chunk in
                chunk.copy([UInt8](repeating: 7, count: Int(part.upperBound - part.lowerBound)).span)
                counts.add(chunk, isSending: sink.isSending)
            }
        }
        #expect(try await values.put(body, at: "a", if: .absent))
        // Without TLS a request is signed with the digest of its bytes.
        #expect(counts.sent == size && counts.hashed == size)
    }
}
