internal import Model
internal import Platform

/// Puts what is made around bytes that pass: headers before them, checksums behind.
struct Framing {
    enum Element {
        case bytes([UInt8])
        case zeros(UInt64)
        case layer(Layer)
        /// The next so many bytes of what passes.
        case arriving(UInt64)
        /// Bytes that may depend on the checksum of all that came since the last such part.
        case summed((CRC32) throws -> [UInt8])

        /// How many of the bytes that pass are its own.
        fileprivate var count: UInt64? {
            switch self {
            case .layer(let layer): layer.size
            case .arriving(let count): count
            case .bytes, .zeros, .summed: nil
            }
        }
    }

    private var rest: ArraySlice<Element>
    /// Of the bytes of the first part.
    private var left: UInt64 = 0
    private var sum = CRC32()

    init(_ parts: [Element]) { rest = parts[...] }

    /// Sends all that stands before the first byte.
    mutating func begin(to sink: (Span<UInt8>) throws -> Void) throws { try sendMade(to: sink) }

    /// Sends bytes on, and whatever stands between them and right behind.
    mutating func take(_ bytes: Span<UInt8>, to sink: (Span<UInt8>) throws -> Void) throws {
        var start = 0
        while start < bytes.count {
            guard !rest.isEmpty else { throw CakeError(.failed, "more bytes came than were announced") }
            let count = Int(min(left, UInt64(bytes.count - start)))
            try send(bytes.extracting(start..<start + count), to: sink)
            start += count
            left -= UInt64(count)
            if left == 0 {
                rest.removeFirst()
                try sendMade(to: sink)
            }
        }
    }

    /// Up to the next part whose bytes have to pass first.
    private mutating func sendMade(to sink: (Span<UInt8>) throws -> Void) throws {
        while let part = rest.first {
            switch part {
            case .bytes(let bytes): try send(bytes.span, to: sink)
            case .zeros(let count):
                let block = [UInt8](repeating: 0, count: Int(min(count, 1 << 16)))
                var missing = count
                while missing > 0 {
                    let size = Int(min(missing, UInt64(block.count)))
                    try send(block.span.extracting(0..<size), to: sink)
                    missing -= UInt64(size)
                }
            case .summed(let make):
                let made = try make(sum)
                try sink(made.span)
                sum = CRC32()
            case .layer, .arriving:
                left = part.count ?? 0
                if left > 0 { return }
            }
            rest.removeFirst()
        }
    }

    private mutating func send(_ bytes: Span<UInt8>, to sink: (Span<UInt8>) throws -> Void) throws {
        sum.update(bytes)
        try sink(bytes)
    }
}
