/// A tensor in torch's terms: the name of its dtype, and its shape.
public struct TorchTensor: Hashable, Sendable {
    public enum Element: Hashable, Sendable {
        /// Has a class of storage of its own, in the module torch.
        case storage(String)
        /// Younger: untyped bytes, and a dtype beside them.
        case dtype(String)
    }

    public let element: Element
    public let elementSize: UInt64
    public let shape: [UInt64]
    /// Elements from one place to the next, dimension by dimension.
    public let strides: [UInt64]
    /// torch lacks the dtype, or the shape in it: these are the bytes, in one dimension.
    public let isRaw: Bool

    public init(_ tensor: Tensor) throws(CakeError) {
        guard let count = tensor.byteCount else {
            throw CakeError(.failed, "tensor \"\(tensor.name.printable)\" has a size no file can hold")
        }
        var shape = tensor.shape
        var known = TorchTensor.element(of: tensor.dtype)
        if tensor.dtype == .f4 {
            // Two to a byte, and a byte belongs to one row.
            if let last = shape.last, last % 2 == 0 { shape[shape.count - 1] = last / 2 } else { known = nil }
        }
        isRaw = known == nil
        element = known?.element ?? .storage("ByteStorage")
        elementSize = known?.size ?? 1
        self.shape = isRaw ? [count] : shape
        var strides: [UInt64] = []
        var stride: UInt64 = 1
        for dimension in self.shape.reversed() {
            strides.append(stride)
            let (next, overflow) = stride.multipliedReportingOverflow(by: max(1, dimension))
            guard !overflow, next <= UInt64(Int64.max) else {
                throw CakeError(.failed, "tensor \"\(tensor.name.printable)\" has a shape that torch cannot hold")
            }
            stride = next
        }
        self.strides = strides.reversed()
    }

    private static func element(of dtype: DType) -> (element: Element, size: UInt64)? {
        func typed(_ name: String) -> (Element, UInt64) { (.storage(name + "Storage"), dtype.bits / 8) }
        func young(_ name: String) -> (Element, UInt64) { (.dtype(name), max(1, dtype.bits / 8)) }
        return switch dtype {
        case .bool: typed("Bool")
        case .u8: typed("Byte")
        case .i8: typed("Char")
        case .i16: typed("Short")
        case .i32: typed("Int")
        case .i64: typed("Long")
        case .f16: typed("Half")
        case .bf16: typed("BFloat16")
        case .f32: typed("Float")
        case .f64: typed("Double")
        case .c64: typed("ComplexFloat")
        case .u16: young("uint16")
        case .u32: young("uint32")
        case .u64: young("uint64")
        case .f8e5m2: young("float8_e5m2")
        case .f8e4m3: young("float8_e4m3fn")
        case .f8e8m0: young("float8_e8m0fnu")
        case .f8e4m3fnuz: young("float8_e4m3fnuz")
        case .f8e5m2fnuz: young("float8_e5m2fnuz")
        case .f4: young("float4_e2m1fn_x2")
        case .f6e2m3, .f6e3m2: nil
        }
    }
}
