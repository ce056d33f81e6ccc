public import Model

/// The plain bytes of a stream that may be gzip, zstd or neither. Its first bytes say which: the type that a stranger gives
/// a layer may be wrong.
public final class StreamDecoder {
    public enum Coding: String, Sendable {
        case plain, gzip, zstd
    }

    private enum State {
        /// Too few bytes to know.
        case unknown
        case plain
        case gzip(GzipDecoder)
        case zstd(ZstdStream)
    }

    private var state = State.unknown
    /// Bytes that came before the coding was known.
    private var held: [UInt8] = []
    private var heldPosition = 0

    public init() {}

    private static let gzipMark: [UInt8] = [0x1f, 0x8b]
    private static let zstdMark: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    /// Nil while it is not known.
    public var coding: Coding? {
        switch state {
        case .unknown: nil
        case .plain: .plain
        case .gzip: .gzip
        case .zstd: .zstd
        }
    }

    /// Fills the room with plain bytes of the input from `position` on. False when it needs more input.
    public func decode(
        _ input: Span<UInt8>, from position: inout Int, into room: Chunk
    ) throws(CakeError) -> Bool {
        room.count = 0
        if case .unknown = state {
            while held.count < StreamDecoder.zstdMark.count, position < input.count {
                held.append(input[position])
                position += 1
            }
            guard held.count == StreamDecoder.zstdMark.count else { return false }
            choose()
        }
        if heldPosition < held.count {
            let first = held
            try decodeNow(first.span, from: &heldPosition, into: room)
            if room.count > 0 { return true }
        }
        try decodeNow(input, from: &position, into: room)
        return room.count > 0
    }

    /// Called when there is no more input. Plain bytes of a very short stream may be left.
    public func finish(into room: Chunk) throws(CakeError) {
        room.count = 0
        switch state {
        case .unknown:
            let all = held
            room.append(all.span)
        case .plain: break
        case .gzip(let decoder): try refuseEnd(if: !decoder.isBetween, "gzip")
        case .zstd(let decoder): try refuseEnd(if: !decoder.isBetween, "zstd")
        }
    }

    private func refuseEnd(if isInside: Bool, _ name: String) throws(CakeError) {
        if isInside { throw CakeError(.damaged, "its \(name) data ends in the middle") }
    }

    private func choose() {
        if held.starts(with: StreamDecoder.gzipMark) {
            state = .gzip(GzipDecoder())
        } else if held == StreamDecoder.zstdMark {
            state = .zstd(ZstdStream())
        } else {
            state = .plain
        }
    }

    private func decodeNow(_ input: Span<UInt8>, from position: inout Int, into room: Chunk) throws(CakeError) {
        switch state {
        case .unknown: break
        case .plain: position += room.append(input.extracting(position..<input.count))
        case .gzip(let decoder): try decoder.decode(input, from: &position, into: room)
        case .zstd(let decoder): try decoder.decode(input, from: &position, into: room)
        }
    }
}
