internal import CZstd
public import Model

/// How hard zstd tries.
public enum ZstdEffort: Hashable, Sendable {
    /// Raw blocks: there is no search, and reading it back is a copy.
    case none
    /// No search; every byte takes as many bits as its frequency asks for. This is all the redundancy of weights, at a
    /// multiple of the speed.
    case literals
    case level(Int32)
}

/// Makes standard zstd frames that stand alone: content size and checksum inside, no dictionary.
@safe public struct ZstdEncoder: ~Copyable {
    private let context: OpaquePointer
    private let work = LiteralFrame.room()

    public init() {
        guard let context = unsafe ZSTD_createCCtx() else { preconditionFailure("no memory for a zstd encoder") }
        unsafe self.context = context
    }

    /// The most that a frame of `count` plain bytes can take.
    public static func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }

    /// Returns the length of the frame at the start of `room`. A block ends at each cut, in order and inside: data that
    /// differs on both sides gets tables of its own.
    public mutating func encode(
        _ plain: Span<UInt8>, into room: inout MutableSpan<UInt8>, _ effort: ZstdEffort, cuts: [Int] = []
    ) throws(CakeError) -> Int {
        unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        switch effort {
        case .none:
            guard let length = RawFrame.write(plain, into: &room) else {
                throw CakeError(.failed, "zstd cannot encode: \(Zstd.words(Zstd.noRoom))")
            }
            return length
        case .level(let level):
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        case .literals:
            if cuts.isEmpty, let length = LiteralFrame.write(plain, into: &room, workingIn: work) { return length }
            // The most negative level takes steps so long that nothing is found.
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, -131_072)
            unsafe ZSTD_CCtx_setParameter(
                context, ZSTD_c_experimentalParam5, Int32(ZSTD_ps_enable.rawValue))
        }
        let length =
            if cuts.isEmpty {
                unsafe plain.withUnsafeBufferPointer { source in
                    unsafe room.withUnsafeMutableBufferPointer { target in
                        unsafe ZSTD_compress2(
                            context, target.baseAddress, target.count, source.baseAddress, source.count)
                    }
                }
            } else { stream(plain, into: &room, cuts) }
        guard ZSTD_isError(length) == 0 else { throw CakeError(.failed, "zstd cannot encode: \(Zstd.words(length))") }
        return length
    }

    /// zstd's result: a length, or an error code.
    private mutating func stream(_ plain: Span<UInt8>, into room: inout MutableSpan<UInt8>, _ cuts: [Int]) -> Int {
        unsafe ZSTD_CCtx_setPledgedSrcSize(context, UInt64(plain.count))
        return unsafe plain.withUnsafeBufferPointer { source in
            unsafe room.withUnsafeMutableBufferPointer { target in
                var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: 0, pos: 0)
                for end in cuts + [source.count] {
                    precondition(unsafe input.size <= end && end <= source.count)
                    unsafe input.size = end
                    var left = 1
                    while left > 0 {
                        let before = unsafe output.pos
                        left = unsafe ZSTD_compressStream2(
                            context, &output, &input, end == source.count ? ZSTD_e_end : ZSTD_e_flush)
                        if ZSTD_isError(left) != 0 { return left }
                        // No room: the same error as zstd's for a frame made at once.
                        if left > 0, unsafe output.pos == before { return Zstd.noRoom }
                    }
                }
                return unsafe output.pos
            }
        }
    }

    deinit { unsafe ZSTD_freeCCtx(context) }
}

/// Reads zstd frames whose plain bytes must fill the given room exactly.
@safe public struct ZstdDecoder: ~Copyable {
    private let context: OpaquePointer

    public init() {
        guard let context = unsafe ZSTD_createDCtx() else { preconditionFailure("no memory for a zstd decoder") }
        unsafe self.context = context
    }

    /// Decodes one or more whole frames, whose plain bytes must fill `room` exactly. Callers that hash them need no
    /// other checksum.
    public mutating func decode(
        _ frames: Span<UInt8>, filling room: inout MutableSpan<UInt8>, hashedLater: Bool = false
    ) throws(CakeError) {
        let wanted = room.count
        // Called ZSTD_d_forceIgnoreChecksum where zstd is linked statically.
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_experimentalParam3, hashedLater ? 1 : 0)
        let length = unsafe frames.withUnsafeBufferPointer { source in
            unsafe room.withUnsafeMutableBufferPointer { target in
                unsafe ZSTD_decompressDCtx(context, target.baseAddress, target.count, source.baseAddress, source.count)
            }
        }
        guard ZSTD_isError(length) == 0 else {
            throw CakeError(.damaged, "zstd cannot decode it: \(Zstd.words(length))")
        }
        guard length == wanted else { throw CakeError(.damaged, "it decodes to \(length) bytes, not \(wanted)") }
    }

    deinit { unsafe ZSTD_freeDCtx(context) }
}

public enum Zstd {
    /// The stored length of the frame that `bytes` begins with, skippable ones too.
    public static func frameLength(at bytes: Span<UInt8>) throws(CakeError) -> Int {
        let length = unsafe bytes.withUnsafeBufferPointer {
            unsafe ZSTD_findFrameCompressedSize($0.baseAddress, $0.count)
        }
        guard ZSTD_isError(length) == 0 else { throw CakeError(.damaged, "not a zstd frame: \(words(length))") }
        return length
    }

    /// zstd's error for a frame that does not fit.
    fileprivate static let noRoom = -Int(ZSTD_error_dstSize_tooSmall.rawValue)

    static func words(_ code: Int) -> String { unsafe String(cString: ZSTD_getErrorName(code)) }
}
