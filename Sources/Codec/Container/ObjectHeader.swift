package import Model

/// The first frame of an object: which layer it holds and how to undo the transform. Drawn in docs/layout.md.
package struct ObjectHeader: Hashable, Sendable {
    /// How a piece was rewritten before zstd. A number, because a store may contain objects of a newer cake.
    package struct Transform: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let none = Transform(rawValue: 0)
        package static let planes = Transform(rawValue: 1)
        package static let grouped = Transform(rawValue: 2)
        package static let difference = Transform(rawValue: 3)
        package static let xor = Transform(rawValue: 4)
        package static let lowRank = Transform(rawValue: 5)

        package var isKnown: Bool { rawValue <= Transform.lowRank.rawValue }
    }

    package let layer: Layer
    package let transform: Transform
    /// log2 of a piece's plain bytes.
    package let pieceBits: UInt8
    package let framesPerPiece: UInt8
    package let base: Digest?
    package let parameters: [UInt8]

    package init(
        layer: Layer, transform: Transform = .none, pieceBits: UInt8 = ObjectHeader.standardPieceBits,
        framesPerPiece: UInt8 = 1, base: Digest? = nil, parameters: [UInt8] = []
    ) {
        self.layer = layer
        self.transform = transform
        self.pieceBits = pieceBits
        self.framesPerPiece = framesPerPiece
        self.base = base
        self.parameters = parameters
    }

    package static let standardPieceBits: UInt8 = 20
    package static let magic: UInt32 = 0x184D_2A5C
    package static let fixedLength = 56
    static let maximumLength = 8 + fixedLength + Digest.byteCount + 65536
    package static let mark = Array("cake".utf8)

    package var pieceSize: Int { 1 << Int(pieceBits) }

    /// How many pieces the layer is cut into.
    package var pieces: UInt64 { ObjectHeader.pieces(of: layer.size, bits: pieceBits) }

    package static func pieces(of size: UInt64, bits: UInt8 = standardPieceBits) -> UInt64 {
        size == 0 ? 0 : (size - 1) >> UInt64(bits) + 1
    }

    package func plainSize(ofPiece index: UInt64) -> Int {
        index + 1 < pieces ? pieceSize : Int(layer.size - index << UInt64(pieceBits))
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: ObjectHeader.magic)
        let length = ObjectHeader.fixedLength + (base == nil ? 0 : Digest.byteCount) + parameters.count
        bytes.append(littleEndian: UInt32(length))
        bytes += ObjectHeader.mark
        bytes += [1, transform.rawValue, pieceBits, framesPerPiece, base == nil ? 0 : 1]
        bytes += [UInt8](repeating: 0, count: 7)
        bytes.append(littleEndian: layer.size)
        bytes += layer.digest.bytes
        if let base { bytes += base.bytes }
        bytes += parameters
        return bytes
    }

    /// Reads the frame at the beginning of `bytes` and ignores the rest. Also returns its length.
    package static func decode(_ bytes: Span<UInt8>) throws(CakeError) -> (header: ObjectHeader, length: Int) {
        func refuse(_ why: String) -> CakeError { CakeError(.damaged, "not an object of cake: \(why)") }
        guard bytes.count >= 8 + fixedLength, bytes.littleEndian(UInt32.self, at: 0) == magic else {
            throw refuse("its first frame is not cake's")
        }
        let body = Int(bytes.littleEndian(UInt32.self, at: 4))
        guard body >= fixedLength, 8 + body <= min(bytes.count, maximumLength) else {
            throw refuse("its first frame has \(body) bytes")
        }
        for (index, byte) in mark.enumerated() where bytes[8 + index] != byte {
            throw refuse("its first frame is not cake's")
        }
        guard bytes[12] == 1 else {
            throw CakeError(.damaged, "an object of format \(bytes[12])", fix: "use a newer cake, which wrote it")
        }
        let (transform, pieceBits, framesPerPiece, flags) = (bytes[13], bytes[14], bytes[15], bytes[16])
        guard (12...30).contains(pieceBits), framesPerPiece > 0, flags & ~1 == 0 else {
            throw refuse("its first frame is not valid")
        }
        for index in 17..<24 where bytes[index] != 0 { throw refuse("its first frame is not valid") }
        let size = bytes.littleEndian(UInt64.self, at: 24)
        guard size <= ByteCount.maximum, let digest = Digest(bytes: bytes.extracting(32..<64)) else {
            throw refuse("it claims \(size) plain bytes")
        }
        var end = 64
        var base: Digest?
        if flags & 1 != 0 {
            guard 8 + body >= end + Digest.byteCount else { throw refuse("its base is missing") }
            base = Digest(bytes: bytes.extracting(end..<end + Digest.byteCount))
            end += Digest.byteCount
        }
        var parameters: [UInt8] = []
        for index in end..<8 + body { parameters.append(bytes[index]) }
        let header = ObjectHeader(
            layer: Layer(digest: digest, size: size), transform: Transform(rawValue: transform), pieceBits: pieceBits,
            framesPerPiece: framesPerPiece, base: base, parameters: parameters)
        return (header, 8 + body)
    }

    /// How many bytes the first frame takes by its own word, capped; asked before it is decoded.
    package static func needs(_ bytes: Span<UInt8>) -> Int {
        guard bytes.count >= 8 else { return 8 }
        return min(8 + Int(bytes.littleEndian(UInt32.self, at: 4)), maximumLength)
    }

    /// log2 of the length of pieces, of an object that begins so.
    package static func pieceBits(of bytes: Span<UInt8>) -> UInt8? {
        bytes.count >= 8 + fixedLength ? bytes[14] : nil
    }
}
