/// The element types of tensors, spelled as safetensors does.
public enum DType: String, Sendable, Hashable, CaseIterable {
    case bool = "BOOL"
    case f4 = "F4"
    case f6e2m3 = "F6_E2M3"
    case f6e3m2 = "F6_E3M2"
    case u8 = "U8"
    case i8 = "I8"
    case f8e5m2 = "F8_E5M2"
    case f8e4m3 = "F8_E4M3"
    case f8e8m0 = "F8_E8M0"
    case f8e4m3fnuz = "F8_E4M3FNUZ"
    case f8e5m2fnuz = "F8_E5M2FNUZ"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case c64 = "C64"
    case f64 = "F64"
    case i64 = "I64"
    case u64 = "U64"

    /// The size of one element. Elements under a byte are packed.
    public var bits: UInt64 {
        switch self {
        case .f4: 4
        case .f6e2m3, .f6e3m2: 6
        case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
        case .i16, .u16, .f16, .bf16: 16
        case .i32, .u32, .f32: 32
        case .c64, .f64, .i64, .u64: 64
        }
    }

    /// The dtype with this spelling. A header of 90,000 tensors calls this as often: no String is made.
    public init?(spelling: Span<UInt8>) {
        guard spelling.count < 16 else { return nil }
        let wanted = DType.packed(spelling)
        guard let found = DType.spellings.first(where: { $0.packed == wanted }) else { return nil }
        self = found.dtype
    }

    /// A spelling of up to 15 bytes as one number. The 1 in front distinguishes `A` from NUL and `A`.
    private static func packed(_ spelling: Span<UInt8>) -> UInt128 {
        var value: UInt128 = 1
        for index in spelling.indices { value = value << 8 | UInt128(spelling[index]) }
        return value
    }

    private static let spellings: [(packed: UInt128, dtype: DType)] = allCases.map { dtype in
        let bytes = Array(dtype.rawValue.utf8)
        return (packed(bytes.span), dtype)
    }
}
