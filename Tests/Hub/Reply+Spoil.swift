extension Reply {
    private var isFile: Bool { status == 200 || status == 206 }

    mutating func flip(atByte place: UInt64) {
        guard isFile, place >= offset, place < offset + count else { return }
        var start = offset
        for piece in body {
            let range = start..<start + piece.count
            start = range.upperBound
            guard range.contains(place) else { continue }
            let inPiece = place - range.lowerBound
            let old =
                switch piece {
                case .bytes(let bytes): bytes[Int(inPiece)]
                case .file(let file, let part):
                    file.bytes(part.lowerBound + inPiece..<part.lowerBound + inPiece + 1).first ?? 0
                }
            return overwrite(at: place - offset, with: [old ^ 1])
        }
    }

    /// Other bytes at a place of the file; only those that the answer has.
    mutating func overwrite(atFileByte place: UInt64, with bytes: [UInt8]) {
        guard isFile, count > 0 else { return }
        let cut = (place..<place + UInt64(bytes.count)).clamped(to: offset..<offset + count)
        guard !cut.isEmpty else { return }
        let first = Int(cut.lowerBound - place)
        overwrite(at: cut.lowerBound - offset, with: Array(bytes[first..<first + Int(cut.count)]))
    }

    mutating func shorten(to length: UInt64) {
        var left = length
        body = body.map { piece in
            let count = min(left, piece.count)
            left -= count
            switch piece {
            case .bytes(let bytes): return .bytes(Array(bytes.prefix(Int(count))))
            case .file(let file, let part): return .file(file, part.lowerBound..<part.lowerBound + count)
            }
        }
    }
}

/// The container of gzip around bytes that are not compressed.
enum Gzip {
    static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]
        var start = 0
        repeat {
            let count = min(0xffff, bytes.count - start)
            result.append(start + count == bytes.count ? 1 : 0)
            result += little(UInt32(count), 2) + little(~UInt32(count), 2) + bytes[start..<start + count]
            start += count
        } while start < bytes.count
        return result + little(crc(bytes), 4) + little(UInt32(truncatingIfNeeded: bytes.count), 4)
    }

    private static func little(_ value: UInt32, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
