internal import Model
internal import Platform
internal import Synchronization

/// What turns pieces into frames and back: zstd's two contexts and room to work in. Used by one task at a time.
final class Coder: @unchecked Sendable {
    private var encoder = ZstdEncoder()
    private var decoder = ZstdDecoder()
    private let readBack = Chunk(capacity: 1 << Int(ObjectHeader.standardPieceBits))

    /// Encodes a piece into `frame`, and decodes it again before anybody relies on it: zstd has shipped an encoder that
    /// lost data.
    func encode(_ piece: Span<UInt8>, _ effort: ZstdEffort, into frame: Chunk) throws(CakeError) {
        frame.count = try frame.withRoom { room throws(CakeError) in try encoder.encode(piece, into: &room, effort) }
        try readBack.withRoom { room throws(CakeError) in
            var exact = room._mutatingExtracting(0..<piece.count)
            try frame.withBytes { bytes throws(CakeError) in try decoder.decode(bytes, filling: &exact) }
        }
        readBack.count = piece.count
        guard readBack.holds(piece) else {
            throw CakeError(
                .failed, "zstd encoded a piece that does not decode to itself",
                fix: "report it with the zstd version: zstd -V")
        }
    }

    func decode(_ frames: Span<UInt8>, filling room: inout MutableSpan<UInt8>) throws(CakeError) {
        try decoder.decode(frames, filling: &room)
    }
}

/// Coders that wait to be used again.
final class Coders: Sendable {
    private let waiting = Mutex<[Coder]>([])

    func use<Result, Failure: Error>(_ body: (Coder) throws(Failure) -> Result) throws(Failure) -> Result {
        let coder = waiting.withLock { $0.popLast() } ?? Coder()
        defer { waiting.withLock { $0.append(coder) } }
        return try body(coder)
    }
}
