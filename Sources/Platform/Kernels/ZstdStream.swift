internal import CZstd
internal import Model

/// Decodes a stream of zstd frames, one after the other, as their bytes come. A frame that needs a window of more than 128 MiB is
/// refused: that is zstd's own limit.
@safe final class ZstdStream {
    private let context: OpaquePointer
    /// A frame ended, and no byte of another came.
    private(set) var isBetween = true

    init() {
        guard let context = unsafe ZSTD_createDCtx() else { preconditionFailure("no memory for a zstd decoder") }
        unsafe self.context = context
    }

    /// Fills the room from `position` on. Less than full means that more input is needed.
    func decode(_ input: Span<UInt8>, from position: inout Int, into room: Chunk) throws(CakeError) {
        room.count = 0
        while room.count < room.capacity, position < input.count || !isBetween {
            let (taken, made, left) = step(input.extracting(position..<input.count), into: room)
            guard ZSTD_isError(left) == 0 else {
                throw CakeError(.damaged, "zstd cannot decode it: \(Zstd.words(left))")
            }
            position += taken
            room.count += made
            isBetween = left == 0
            if taken == 0, made == 0 { return }
        }
    }

    private func step(_ input: Span<UInt8>, into room: Chunk) -> (taken: Int, made: Int, left: Int) {
        let start = room.count
        return room.withRoom { room in
            unsafe input.withUnsafeBufferPointer { source in
                unsafe room.withUnsafeMutableBufferPointer { target in
                    var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: start)
                    var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                    let left = unsafe ZSTD_decompressStream(context, &output, &input)
                    return unsafe (input.pos, output.pos - start, left)
                }
            }
        }
    }

    deinit { unsafe ZSTD_freeDCtx(context) }
}
