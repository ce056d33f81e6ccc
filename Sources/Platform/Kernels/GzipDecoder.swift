internal import CZlib
internal import Model

/// Decodes a stream of gzip members, one after the other, as their bytes come.
@safe final class GzipDecoder {
    /// zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    /// A member ended, and no byte of another came.
    private(set) var isBetween = true

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        // 16 asks for gzip's header and checksum, 15 is the largest window.
        guard unsafe inflateInit2_(stream, 16 + 15, ZLIB_VERSION, size) == Z_OK else {
            preconditionFailure("no memory for a gzip decoder")
        }
    }

    /// Fills the room from `position` on. Less than full means that more input is needed.
    func decode(_ input: Span<UInt8>, from position: inout Int, into room: Chunk) throws(CakeError) {
        room.count = 0
        while room.count < room.capacity, position < input.count || !isBetween {
            if isBetween {
                unsafe inflateReset(stream)
                isBetween = false
            }
            let (taken, made, status) = step(input.extracting(position..<input.count), into: room)
            position += taken
            room.count += made
            switch status {
            case Z_STREAM_END: isBetween = true
            case Z_OK where taken > 0 || made > 0: continue
            case Z_OK, Z_BUF_ERROR: return
            default: throw CakeError(.damaged, "gzip cannot decode it: \(words(status))")
            }
        }
    }

    private func step(_ input: Span<UInt8>, into room: Chunk) -> (taken: Int, made: Int, status: Int32) {
        let (given, start) = (min(input.count, Int(Int32.max)), room.count)
        return room.withRoom { room in
            unsafe input.withUnsafeBufferPointer { source in
                unsafe room.withUnsafeMutableBufferPointer { target in
                    let free = target.count - start
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                    unsafe stream.pointee.avail_in = UInt32(given)
                    unsafe stream.pointee.next_out = target.baseAddress?.advanced(by: start)
                    unsafe stream.pointee.avail_out = UInt32(free)
                    let status = unsafe inflate(stream, Z_NO_FLUSH)
                    return unsafe (
                        given - Int(stream.pointee.avail_in), free - Int(stream.pointee.avail_out), status
                    )
                }
            }
        }
    }

    private func words(_ status: Int32) -> String {
        if let text = unsafe stream.pointee.msg { return unsafe String(cString: text) }
        return status == Z_NEED_DICT ? "it needs a dictionary" : "error \(status)"
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }
}
