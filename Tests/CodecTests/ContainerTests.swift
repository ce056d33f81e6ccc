import Model
import Platform
import Testing

@testable import Codec

@Suite struct `The container of an object` {
    static let digest = SHA256.digest(of: [1, 2, 3].span)

    @Test func `has a first frame that reads back as it was written`() throws {
        for header in [
            ObjectHeader(layer: Layer(digest: Self.digest, size: 0)),
            ObjectHeader(layer: Layer(digest: Self.digest, size: ByteCount.maximum)),
            ObjectHeader(
                layer: Layer(digest: Self.digest, size: 77), transform: .init(rawValue: 9), pieceBits: 12,
                framesPerPiece: 3, base: .empty, parameters: [1, 2, 3]),
        ] {
            let bytes = header.encoded
            let (read, length) = try ObjectHeader.decode((bytes + [9, 9]).span)
            #expect(read == header && length == bytes.count)
            #expect(try Zstd.frameLength(at: bytes.span) == bytes.count)
            for count in 0..<bytes.count {
                let cut = Array(bytes.prefix(count))
                #expect(throws: CakeError.self) { try ObjectHeader.decode(cut.span) }
            }
            for index in bytes.indices {
                for bit in 0..<8 {
                    var bent = bytes
                    bent[index] ^= 1 << UInt8(bit)
                    guard let (other, _) = try? ObjectHeader.decode(bent.span) else { continue }
                    #expect(other != header, "byte \(index) bit \(bit) says nothing")
                }
            }
        }
    }

    @Test func `has a seek table that is right or refused`() throws {
        for size in [0, 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 5] {
            let header = ObjectHeader(layer: Layer(digest: Self.digest, size: UInt64(size)))
            let frames = (0..<Int(header.pieces)).map {
                (stored: 100 + $0, plain: header.plainSize(ofPiece: UInt64($0)))
            }
            let bytes = SeekTable.encode(headerLength: 64, frames: frames)
            #expect(bytes.count == SeekTable.length(for: header))
            let length = UInt64(64 + frames.reduce(0) { $0 + $1.stored } + bytes.count)
            let offsets = try SeekTable(bytes.span, of: header, headerLength: 64, objectLength: length).offsets
            #expect(offsets.first == 64 && offsets.last == length - UInt64(bytes.count))
            for index in bytes.indices {
                for bit in 0..<8 {
                    var bent = bytes
                    bent[index] ^= 1 << UInt8(bit)
                    #expect(throws: CakeError.self, "byte \(index)") {
                        try SeekTable(bent.span, of: header, headerLength: 64, objectLength: length)
                    }
                }
            }
            #expect(throws: CakeError.self) {
                try SeekTable(bytes.span, of: header, headerLength: 64, objectLength: length + 1)
            }
        }
        let endless = ObjectHeader(
            layer: Layer(digest: Self.digest, size: UInt64(Int64.max)), pieceBits: 12, framesPerPiece: 255)
        #expect(SeekTable.length(for: endless) == nil)
    }
}
