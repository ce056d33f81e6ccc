import Foundation
import Model
import Platform
import Support
import Testing

@Suite struct `A decoder of streams` {
    private static let plain = seededBytes(300_000, seed: 5, .mixed)

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let scratch = try Scratch()
        try Data(bytes).write(to: URL(filePath: scratch["x"]))
        return Array(try Tool.run("gzip", ["-n", "-c", scratch["x"]]).bytes)
    }

    private static func zstd(_ bytes: [UInt8]) throws -> [UInt8] {
        var encoder = ZstdEncoder()
        var room = [UInt8](repeating: 0, count: ZstdEncoder.bound(bytes.count))
        var span = room.mutableSpan
        let count = try encoder.encode(bytes.span, into: &span, .level(3))
        return Array(room[..<count])
    }

    private func decode(_ bytes: [UInt8], step: Int, room: Int) throws -> (
        bytes: [UInt8], coding: StreamDecoder.Coding?
    ) {
        let (decoder, chunk) = (StreamDecoder(), Chunk(capacity: room))
        var plain: [UInt8] = []
        func keep() { chunk.withBytes { bytes in for index in bytes.indices { plain.append(bytes[index]) } } }
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + step)
            let part = Array(bytes[start..<end])
            var position = 0
            while try decoder.decode(part.span, from: &position, into: chunk) { keep() }
            #expect(position == end - start)
            start = end
        }
        try decoder.finish(into: chunk)
        keep()
        return (plain, decoder.coding)
    }

    @Test func `gives plain bytes whatever the pieces, and knows the coding by the first bytes`() throws {
        let plain = Self.plain
        let half = plain.count / 2
        let codings: [(StreamDecoder.Coding, [UInt8])] = [
            (.plain, plain), (.gzip, try Self.gzip(plain)), (.zstd, try Self.zstd(plain)),
            (.gzip, try Self.gzip(Array(plain[..<half])) + Self.gzip(Array(plain[half...]))),
            (.zstd, try Self.zstd(Array(plain[..<half])) + Self.zstd(Array(plain[half...]))),
        ]
        for (coding, bytes) in codings {
            for (step, room) in [(1 << 20, 1 << 20), (1 << 20, 777), (999, 4096), (3, 70_000)] {
                let found = try decode(bytes, step: step, room: room)
                #expect(found.bytes == plain && found.coding == coding, "\(coding) \(step) \(room)")
            }
        }
    }

    @Test func `takes streams of a few bytes as plain`() throws {
        for count in 0..<4 {
            let bytes = Array([0x1f, 0x8b, 8].prefix(count)) as [UInt8]
            #expect(try decode(bytes, step: 1, room: 16).bytes == bytes)
        }
    }

    @Test func `refuses what is cut off, changed, or followed by other bytes`() throws {
        for bytes in [try Self.gzip(Self.plain), try Self.zstd(Self.plain)] {
            for count in [5, bytes.count / 2, bytes.count - 1] {
                #expect(throws: CakeError.self) { try decode(Array(bytes[..<count]), step: 1000, room: 4096) }
            }
            var changed = bytes
            changed[bytes.count / 2] ^= 0x55
            #expect(throws: CakeError.self) { try decode(changed, step: 1000, room: 4096) }
            #expect(throws: CakeError.self) { try decode(bytes + [1, 2, 3, 4, 5], step: 1000, room: 4096) }
        }
    }
}
