package import Model

/// The last frame of an object, in zstd's seekable format: the place of each frame. Like other input from strangers it
/// is checked, against the header and the object's length, before a byte is read by it.
package struct SeekTable: Sendable {
    /// How many bytes a frame takes, and how many it holds.
    package typealias Frame = (stored: Int, plain: Int)

    static let magic: UInt32 = 0x184D_2A5E
    static let footerMagic: UInt32 = 0x8F92_EAB1
    static let entryLength = 8
    /// The frame's own header and the footer.
    package static let fixedLength = 8 + 9

    /// Where each frame after the first begins in the object, and where the last one ends.
    package let offsets: [UInt64]
    /// How many bytes the frames of each piece hold; nothing where their form says it.
    package let held: [Int]

    package static func encode(headerLength: Int, frames: [Frame]) -> [UInt8] {
        var bytes: [UInt8] = []
        let entries = frames.count + 1
        bytes.reserveCapacity(fixedLength + entries * entryLength)
        bytes.append(littleEndian: magic)
        bytes.append(littleEndian: UInt32(entries * entryLength + 9))
        bytes.append(littleEndian: UInt32(headerLength))
        bytes.append(littleEndian: UInt32(0))
        for frame in frames {
            bytes.append(littleEndian: UInt32(frame.stored))
            bytes.append(littleEndian: UInt32(frame.plain))
        }
        bytes.append(littleEndian: UInt32(entries))
        bytes.append(0)
        bytes.append(littleEndian: footerMagic)
        return bytes
    }

    /// The length of the table of an object with this header, or nil when no object can be so long.
    package static func length(for header: ObjectHeader) -> Int? {
        let (frames, overflow) = header.pieces.multipliedReportingOverflow(by: UInt64(header.framesPerPiece))
        guard !overflow, frames < 1 << 27 else { return nil }
        return fixedLength + (header.sizesAhead.count + Int(frames) + 1) * entryLength
    }

    /// Reads the table in `bytes`, which are all of it, of an object that is `objectLength` long.
    package init(_ bytes: Span<UInt8>, of header: ObjectHeader, headerLength: Int, objectLength: UInt64)
        throws(CakeError)
    {
        let refused = CakeError(.damaged, "the seek table of layer \(header.layer.digest.short) is damaged")
        guard bytes.count == SeekTable.length(for: header) else { throw refused }
        let entries = (bytes.count - SeekTable.fixedLength) / SeekTable.entryLength
        let footer = bytes.count - 9
        guard bytes.littleEndian(UInt32.self, at: 0) == SeekTable.magic,
            Int(bytes.littleEndian(UInt32.self, at: 4)) == bytes.count - 8,
            Int(bytes.littleEndian(UInt32.self, at: footer)) == entries, bytes[footer + 4] == 0,
            bytes.littleEndian(UInt32.self, at: footer + 5) == SeekTable.footerMagic,
            Int(bytes.littleEndian(UInt32.self, at: 8)) == headerLength, bytes.littleEndian(UInt32.self, at: 12) == 0
        else { throw refused }
        var offsets: [UInt64] = []
        offsets.reserveCapacity(entries)
        var offset = UInt64(headerLength)
        let form = Form(header)
        let ahead = header.sizesAhead
        var held: [Int] = []
        for entry in 1..<entries {
            offsets.append(offset)
            offset += UInt64(bytes.littleEndian(UInt32.self, at: 8 + entry * SeekTable.entryLength))
            let plain = Int(bytes.littleEndian(UInt32.self, at: 12 + entry * SeekTable.entryLength))
            if entry <= ahead.count {
                guard plain == ahead[entry - 1] else { throw refused }
            } else if let form {
                let number = entry - 1 - ahead.count
                let (piece, frame) = number.quotientAndRemainder(dividingBy: form.framesPerPiece)
                let size = header.plainSize(ofPiece: UInt64(piece))
                if let sizes = form.frameSizes(ofPiece: size) {
                    guard plain == sizes[frame] else { throw refused }
                } else {
                    if frame == 0 { held.append(0) }
                    held[piece] += plain
                    guard held[piece] <= form.sizes(ofPiece: size).upperBound else { throw refused }
                }
            }
        }
        offsets.append(offset)
        guard offset + UInt64(bytes.count) == objectLength else { throw refused }
        self.offsets = offsets
        self.held = held
    }
}
