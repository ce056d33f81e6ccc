import Codec
import Glibc
import Storage
import Store
import Transfer

/// One thread calls this, and nothing else does.
nonisolated(unsafe) private let reader = DecoderFuzzTarget.Reader()
private let wanted = unsafe getenv("CAKE_FUZZ").map { unsafe String(cString: $0) } ?? ""
private let decoder = DecoderFuzzTarget(rawValue: wanted)
private let records = RecordFuzzTarget(rawValue: wanted)
private let answer = AnswerFuzzTarget(rawValue: wanted)

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = unsafe start else { return 0 }
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    if let decoder { unsafe reader.read(bytes, as: decoder) }
    records?.read(bytes)
    answer?.read(bytes)
    return 0
}

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
private func run(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What SwiftPM links as the entry.
@_cdecl("fuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = unsafe (count, arguments)
    return unsafe run(&count, &arguments, fuzz)
}
