import Model
import Platform
import Support
import Testing

@Suite struct `A SHA-256` {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]) func `is what the standard says`(text: String, hex: String) {
        let bytes = Array(text.utf8)
        #expect(SHA256.digest(of: bytes.span).hex == hex)
        var hash = SHA256()
        for start in stride(from: 0, to: bytes.count, by: 999) {
            hash.update(bytes.span.extracting(start..<min(start + 999, bytes.count)))
        }
        #expect(hash.finish().hex == hex)
    }

    @Test func `of nothing is the empty layer`() { #expect(SHA256.digest(of: [UInt8]().span) == .empty) }
}

@Suite struct `A zstd frame` {
    static func encode(_ plain: [UInt8], _ effort: ZstdEffort, room: Int? = nil) throws -> [UInt8] {
        var encoder = ZstdEncoder()
        var bytes = [UInt8](repeating: 0, count: room ?? ZstdEncoder.bound(plain.count))
        var span = bytes.mutableSpan
        let count = try encoder.encode(plain.span, into: &span, effort)
        return Array(bytes.prefix(count))
    }

    static func decode(_ frames: [UInt8], count: Int) throws -> [UInt8] {
        var decoder = ZstdDecoder()
        var plain = [UInt8](repeating: 0xaa, count: count)
        var room = plain.mutableSpan
        try decoder.decode(frames.span, filling: &room)
        return plain
    }

    @Test(arguments: [0, 1, 100, 131_072, 131_073, 1 << 20], Texture.allCases)
    func `decodes to what was encoded`(size: Int, texture: Texture) throws {
        let plain = seededBytes(size, seed: 3, texture)
        for effort in [ZstdEffort.none, .level(1), .level(3)] {
            let frame = try Self.encode(plain, effort)
            #expect(try Self.decode(frame, count: size) == plain)
            #expect(Array(frame.prefix(4)) == [0x28, 0xb5, 0x2f, 0xfd])
            // The descriptor: a checksum, no dictionary; the content size is there in one of its widths.
            #expect(frame[4] & 0b0000_0111 == 0b100)
            #expect(frame[4] >> 6 != 0 || frame[4] & 0x20 != 0)
            #expect(try Zstd.frameLength(at: (frame + [1, 2, 3]).span) == frame.count)
        }
    }

    @Test func `without effort is made of raw blocks`() throws {
        // Half of each byte is zero: any effort would find that.
        let plain = seededBytes(400_000, seed: 3, .random).map { $0 & 0x0f }
        let frame = try Self.encode(plain, .none)
        let header = 6 + [0, 2, 4, 8][Int(frame[4] >> 6)] - (frame[4] & 0x20 != 0 ? 1 : 0)
        var offset = header
        var isLast = false
        while !isLast {
            let block = Int(frame[offset]) | Int(frame[offset + 1]) << 8 | Int(frame[offset + 2]) << 16
            isLast = block & 1 == 1
            #expect(block >> 1 & 3 == 0, "the block at \(offset) is not raw")
            offset += 3 + block >> 3
        }
        #expect(offset + 4 == frame.count)
    }

    @Test func `that decodes to another length is refused`() throws {
        let frame = try Self.encode(seededBytes(1000, seed: 1), .level(1))
        for count in [0, 1, 999, 1001, 5000] {
            #expect(throws: CakeError.self) { try Self.decode(frame, count: count) }
        }
        #expect(throws: CakeError.self) { try Self.decode([], count: 1) }
        #expect(try Self.decode([], count: 0) == [])
    }

    @Test func `that was damaged is refused, or what it was`() throws {
        let plain = seededBytes(700, seed: 2, .mixed)
        for effort in [ZstdEffort.none, .level(1)] {
            let frame = try Self.encode(plain, effort)
            for index in frame.indices {
                var bent = frame
                bent[index] ^= 0x11
                if let found = try? Self.decode(bent, count: plain.count) { #expect(found == plain) }
                _ = try? Zstd.frameLength(at: bent.span)
            }
            for count in 0..<frame.count {
                let cut = Array(frame.prefix(count))
                #expect(throws: CakeError.self) { try Zstd.frameLength(at: cut.span) }
            }
        }
    }

    @Test func `that does not fit its room is refused`() throws {
        for effort in [ZstdEffort.none, .level(1)] {
            #expect(throws: CakeError.self) { try Self.encode(seededBytes(1000, seed: 1), effort, room: 100) }
        }
    }
}

@Suite struct `A checksum for zip archives` {
    @Test func `is the one that everybody computes`() {
        let digits = Array("123456789".utf8)
        let sum = CRC32.of(digits.span)
        #expect(sum.value == 0xcbf4_3926)
    }

    @Test func `is the same however many bytes it takes at once`() {
        let bytes = seededBytes(2000, seed: 5)
        for count in [0, 1, 15, 16, 63, 64, 65, 79, 80, 127, 128, 129, 1000, 2000] {
            var sum: UInt32 = 0xffff_ffff
            for byte in bytes.prefix(count) {
                sum ^= UInt32(byte)
                for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
            }
            #expect(CRC32.of(bytes.span.extracting(0..<count)).value == ~sum, "\(count) bytes")
            var pieces = CRC32.of(bytes.span.extracting(0..<min(count, 7)))
            pieces.update(bytes.span.extracting(min(count, 7)..<count))
            #expect(pieces.value == ~sum, "\(count) bytes in two")
        }
    }

    @Test func `of parts is that of the whole`() {
        let bytes = seededBytes(10_000, seed: 4)
        let whole = CRC32.of(bytes.span)
        for cut in [0, 1, 4096, 9999, 10_000] {
            let (front, back) = (Array(bytes[..<cut]), Array(bytes[cut...]))
            var sum = CRC32.of(front.span)
            sum.append(CRC32.of(back.span), count: UInt64(back.count))
            #expect(sum.value == whole.value)
        }
    }
}
