/// The name of a tensor and how its bytes are read, without their place.
public struct Tensor: Hashable, Sendable {
    public let name: ExactText
    public let dtype: DType
    public let shape: [UInt64]

    public init(name: ExactText, dtype: DType, shape: [UInt64]) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
    }

    /// How the bytes of a tensor are read, without its name.
    public struct Kind: Hashable, Sendable {
        public let dtype: DType
        public let shape: [UInt64]

        public init(_ dtype: DType, _ shape: [UInt64]) {
            self.dtype = dtype
            self.shape = shape
        }
    }

    public var kind: Kind { Kind(dtype, shape) }

    /// The number of elements, or nil when it does not fit 64 bits. A scalar has one.
    public var elements: UInt64? { Tensor.elements(of: shape) }

    /// The bytes the elements take, or nil when they do not fit 64 bits or are no whole number of bytes.
    public var byteCount: UInt64? { Tensor.byteCount(of: dtype, shape: shape) }

    public static func elements(of shape: [UInt64]) -> UInt64? {
        var product: UInt64 = 1
        for dimension in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard !overflow else { return nil }
            product = next
        }
        return product
    }

    public static func byteCount(of dtype: DType, shape: [UInt64]) -> UInt64? {
        guard let elements = elements(of: shape) else { return nil }
        let (bits, overflow) = elements.multipliedReportingOverflow(by: dtype.bits)
        guard !overflow, bits % 8 == 0 else { return nil }
        return bits / 8
    }
}

extension UInt64 {
    /// The sum, or the largest number there is: for totals that are shown and nothing else depends on.
    public func clampedSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
