internal import Glibc
public import Model

/// A file of the store lent as a span. Only for files that cake alone writes and never shortens: reading past the end of
/// a mapping would kill the process.
@safe public final class MappedFile: @unchecked Sendable {
    public let path: String
    public let count: Int
    private let base: UnsafeRawPointer?

    public init(_ path: String) throws(CakeError) {
        let file = try File(path, .read)
        let size = try file.size()
        guard let count = Int(exactly: size) else { throw CakeError(.damaged, "\(path) is too large to map") }
        if count == 0 {
            unsafe base = nil
        } else {
            if let number = faultNumber() { throw SystemError.make(number, "map", path) }
            let mapped = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
            guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { throw .system("map", path) }
            unsafe base = UnsafeRawPointer(mapped)
        }
        self.path = path
        self.count = count
    }

    public func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let base = unsafe base else { return try body(Span()) }
        let bytes = unsafe Span<UInt8>(_unsafeStart: base.assumingMemoryBound(to: UInt8.self), count: count)
        return try body(bytes)
    }

    deinit { if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), count) } }
}
