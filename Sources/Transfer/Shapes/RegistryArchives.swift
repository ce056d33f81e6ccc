internal import Model
internal import Platform
internal import Remote

/// The layers of a model in a registry, over several connections: what comes too early waits in memory.
struct RegistryArchives: ArchiveSource {
    let remote: RemoteShape
    let pool: BlockingPool
    let progress: Progress
    private let connections: Int
    private let throttle: Throttle?

    private static let pieceSize: UInt64 = 2 << 20
    private static let mostConnections = 8

    init(_ remote: RemoteShape, on pool: BlockingPool, progress: Progress, _ options: RegistryPull.Options) {
        (self.remote, self.pool, self.progress) = (remote, pool, progress)
        connections = min(RegistryArchives.mostConnections, max(1, options.mostConnections))
        throttle = options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
    }

    var place: String { remote.place }

    var mismatch: CakeError {
        CakeError(
            .damaged, "the registry sent other bytes than its digest names",
            fix: "the registry, or a proxy, changes the data; ask its operator")
    }

    func pass(_ layer: ForeignLayer, to take: (Chunk, Int) async throws -> Void) async throws {
        let blob = remote.blob(
            layer.digest, size: layer.size, line: Line(retry: .patient, says: { progress.stands($0) }))
        func pass(_ chunk: Chunk, _ count: Int) async throws {
            try await take(chunk, count)
            try await throttle?.take(UInt64(count))
        }
        if try await comesInPieces(blob, layer.size) {
            let chunks = ChunkPool(chunkCapacity: Int(RegistryArchives.pieceSize))
            let pieces = Int((layer.size - 1) / RegistryArchives.pieceSize + 1)
            try await inOrder(pieces, atOnce: connections, on: pool) { index in
                let start = UInt64(index) * RegistryArchives.pieceSize
                let chunk = chunks.take()
                _ = try await blob.fill(chunk, with: start..<min(start + RegistryArchives.pieceSize, layer.size))
                return chunk
            } take: { _, chunk in
                defer { chunks.giveBack(chunk) }
                try await pass(chunk, chunk.count)
            }
        } else if layer.size > 0 {
            _ = try await blob.bring(0..<layer.size) { chunk, bytes in try await pass(chunk, Int(bytes.length)) }
        }
    }

    /// A registry that ignores ranges would send all of it for each.
    private func comesInPieces(_ blob: RemoteBlob, _ size: UInt64) async throws -> Bool {
        guard size > 2 * RegistryArchives.pieceSize else { return false }
        return try await blob.line.retrying {
            _ = try await blob.open(0..<1)
            return !blob.comesWhole
        }
    }
}
