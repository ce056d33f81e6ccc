internal import Codec
internal import Model
internal import Platform

/// Reads a pack from its front, object by object, without an index. Damage costs only the objects that it hits: the
/// walk continues at the next first frame.
enum PackWalk {
    static func records(of pack: Digest, at path: String) throws(CakeError) -> (records: [IndexRecord], size: UInt64) {
        let file = try MappedFile(path)
        let records = file.withBytes { bytes in
            var records: [IndexRecord] = []
            var offset = 0
            while offset < bytes.count {
                let rest = bytes.extracting(offset..<bytes.count)
                guard let (header, length) = try? objectLength(at: rest) else {
                    offset = nextHeader(in: bytes, after: offset)
                    continue
                }
                records.append(
                    IndexRecord(
                        layer: header.layer, storedLength: UInt64(length), place: .pack(pack, offset: UInt64(offset)),
                        transform: header.transform, base: header.base))
                offset += length
            }
            return records
        }
        return (records, UInt64(file.count))
    }

    private static func nextHeader(in bytes: Span<UInt8>, after offset: Int) -> Int {
        var next = offset + 1
        while next + 12 <= bytes.count {
            if bytes.littleEndian(UInt32.self, at: next) == ObjectHeader.magic,
                ObjectHeader.mark.indices.allSatisfy({ bytes[next + 8 + $0] == ObjectHeader.mark[$0] })
            {
                return next
            }
            next += 1
        }
        return bytes.count
    }

    /// The first frame of an object and how long the object is: its frames, then its seek table.
    private static func objectLength(at bytes: Span<UInt8>) throws(CakeError) -> (header: ObjectHeader, length: Int) {
        let (header, headerLength) = try ObjectHeader.decode(bytes)
        guard let tableLength = SeekTable.length(for: header) else {
            throw CakeError(.damaged, "an object that is too long")
        }
        var length = headerLength
        for _ in 0..<UInt64(header.sizesAhead.count) + header.pieces * UInt64(header.framesPerPiece) {
            guard length < bytes.count else { throw CakeError(.damaged, "a pack that ends inside an object") }
            length += try Zstd.frameLength(at: bytes.extracting(length..<bytes.count))
        }
        guard tableLength <= bytes.count - length else {
            throw CakeError(.damaged, "a pack that ends inside an object")
        }
        _ = try SeekTable(
            bytes.extracting(length..<length + tableLength), of: header, headerLength: headerLength,
            objectLength: UInt64(length + tableLength))
        return (header, length + tableLength)
    }
}
