internal import Model
internal import Platform

/// The decoders of objects, one by one: to be called with any bytes. An error is a valid answer; a trap, a wrong byte
/// or unbounded memory is not.
package enum DecoderFuzzTarget: String, CaseIterable, Sendable {
    /// First frame and seek table.
    case object
    /// Frames as zstd sees them.
    case frames
    /// Rewritten pieces of each kind.
    case planes, grouped, difference, xor, lowRank
    /// Any piece beside any base: encoded, decoded and compared.
    case roundTrip

    /// Keeps its memory from one input to the next.
    package final class Reader {
        private let coder = Coder()
        private let stored = Chunk(capacity: Coder.storedCapacity)

        package init() {}

        package func read(_ input: Span<UInt8>, as decoder: DecoderFuzzTarget) {
            guard input.count >= 4 else { return }
            let (head, rest) = (input.extracting(0..<4), input.extracting(4..<input.count))
            switch decoder {
            case .object: Reader.readObject(rest)
            case .frames: _ = try? decode(rest, count: Int(head[1]) << 8 | Int(head[2]), as: form(head, .frames))
            case .roundTrip: roundTrip(rest, head)
            default: undo(rest, head, decoder)
            }
        }

        private static func readObject(_ bytes: Span<UInt8>) {
            guard let (header, length) = try? ObjectHeader.decode(bytes), let table = SeekTable.length(for: header),
                table <= bytes.count
            else { return }
            _ = Form(header)
            _ = try? SeekTable(
                bytes.extracting(bytes.count - table..<bytes.count), of: header, headerLength: length,
                objectLength: UInt64(bytes.count))
        }

        private func form(_ head: Span<UInt8>, _ decoder: DecoderFuzzTarget) -> Form {
            let forms =
                (Form.deltas(of: .bf16) + Form.deltas(of: .f16) + Form.deltas(of: .f32) + Form.deltas(of: .f64)
                + Form.deltas(of: .i8) + [2, 4, 8].map { .planes(width: $0) })
                .filter { $0.decoder == decoder || decoder == .frames || decoder == .roundTrip }
            return forms[Int(head[0]) % forms.count]
        }

        private func decode(_ frames: Span<UInt8>, count: Int, as form: Form) throws(CakeError) {
            let base = Chunk(capacity: count)
            base.fill(count) { $0.update(repeating: 0x3c) }
            try Chunk(capacity: count).fill(count) { room throws(CakeError) in
                try coder.decode(
                    frames, holding: form.sizes(ofPiece: count).upperBound, form, base: base, filling: &room)
            }
        }

        /// The base and the rewritten piece, one after the other.
        private func undo(_ bytes: Span<UInt8>, _ head: Span<UInt8>, _ decoder: DecoderFuzzTarget) {
            let count = min(Int(head[1]) << 8 | Int(head[2]), bytes.count)
            let factors = decoder == .lowRank ? factors(bytes, of: count, head) : nil
            guard factors != nil || decoder != .lowRank else { return }
            let form = factors.map { .lowRank($0.lowRank) } ?? form(head, decoder)
            let base = Chunk(copying: bytes.extracting(0..<count))
            let addend = factors.map { Addend($0, piece: Int(head[3]) >> 5, pieceSize: 256) }
            Chunk(capacity: count).fill(count) { room in
                try? coder.undo(
                    bytes.extracting(count..<bytes.count), form, base: base, adding: addend, filling: &room)
            }
        }

        /// Made from the same bytes, for a matrix that may contain such a piece or not; nil if they are not all
        /// numbers.
        private func factors(_ bytes: Span<UInt8>, of count: Int, _ head: Span<UInt8>) -> Factors? {
            let layout = FloatLayout.all[Int(head[0]) % 3]
            let columns = 1 + Int(head[3])
            let row = columns * layout.width
            let size = UInt64((count + row - 1) / row * row)
            guard let lowRank = LowRank(layout, rank: 1 + Int(head[0]) / 3 % 64, columns: columns, size: size),
                bytes.count >= 4
            else { return nil }
            let numbers = (0..<lowRank.count).map { place in
                Float(bitPattern: bytes.littleEndian(UInt32.self, at: place * 4 % (bytes.count - 3)))
            }
            return Factors(lowRank, numbers)
        }

        private func roundTrip(_ bytes: Span<UInt8>, _ head: Span<UInt8>) {
            let count = bytes.count / 2
            let factors = head[3] & 1 == 1 && count % 4 == 0 ? factors(bytes, of: count, head) : nil
            let form = form(head, .roundTrip)
            let base = Chunk(copying: bytes.extracting(0..<count))
            let efforts: [ZstdEffort] = [.level(1), .none, .literals]
            let encoding =
                factors.map { Encoding($0) }
                ?? Encoding(form, (0..<form.framesPerPiece).map { efforts[(Int(head[1]) >> $0) % efforts.count] })
            do {
                _ = try coder.encode(
                    bytes.extracting(count..<2 * count), encoding, base: base, adding: encoding.addend(piece: 0),
                    into: stored)
            } catch {
                preconditionFailure(error.what)
            }
        }
    }
}

extension Form {
    fileprivate var decoder: DecoderFuzzTarget {
        switch self {
        case .plain: .frames
        case .planes: .planes
        case .grouped: .grouped
        case .difference: .difference
        case .xor: .xor
        case .lowRank: .lowRank
        }
    }
}
