import Glibc
import Store

/// One thread calls this, and nothing else does.
nonisolated(unsafe) private let reader = Hostile.Reader()
private let decoder = unsafe Hostile(rawValue: getenv("CAKE_FUZZ").map { unsafe String(cString: $0) } ?? "")

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let decoder, let start = unsafe start else { return 0 }
    unsafe reader.read(Span(_unsafeStart: start, count: count), as: decoder)
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
