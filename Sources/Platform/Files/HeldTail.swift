/// The end of a file, which is held until the hash of the whole file matches.
public struct HeldTail {
    public static let length: UInt64 = 64 << 10

    /// Where the end of a file of that size begins.
    public static func start(in size: UInt64) -> UInt64 { size - min(size, length) }

    private let start: UInt64
    private var passed: UInt64 = 0
    /// The held bytes.
    public private(set) var bytes: [UInt8] = []

    public init(of size: UInt64) { start = HeldTail.start(in: size) }

    /// Passes on the bytes before the end, and keeps the rest.
    public mutating func take(_ more: Span<UInt8>, to sink: (Span<UInt8>) throws -> Void) rethrows {
        let free = Int(min(start - min(start, passed), UInt64(more.count)))
        passed += UInt64(more.count)
        if free > 0 { try sink(more.extracting(first: free)) }
        for index in free..<more.count { bytes.append(more[index]) }
    }
}
