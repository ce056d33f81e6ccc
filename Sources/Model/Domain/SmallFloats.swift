/// The 256 values of each dtype of one byte.
enum SmallFloats {
    static func values(of dtype: DType) -> [Double] {
        switch dtype {
        case .i8: (0...255).map { Double(Int8(bitPattern: $0)) }
        case .f8e4m3: e4m3
        case .f8e5m2: e5m2
        case .f8e8m0: e8m0
        case .f8e4m3fnuz: e4m3fnuz
        case .f8e5m2fnuz: e5m2fnuz
        default: (0...255).map { Double($0) }
        }
    }

    /// No infinity; only all ones is NaN.
    private static let e4m3 = table { $0 & 0x7f == 0x7f ? .nan : value($0, mantissaBits: 3, bias: 7) }
    /// As IEEE has it: the largest exponent is infinity or no number.
    private static let e5m2 = table { bits in
        guard bits & 0x7c == 0x7c else { return value(bits, mantissaBits: 2, bias: 15) }
        return bits & 3 == 0 ? (bits < 0x80 ? .infinity : -.infinity) : .nan
    }
    /// Only an exponent.
    private static let e8m0 = table { $0 == 0xff ? .nan : power(Int($0) - 127) }
    /// No negative zero: its place is NaN.
    private static let e4m3fnuz = table { $0 == 0x80 ? .nan : value($0, mantissaBits: 3, bias: 8) }
    private static let e5m2fnuz = table { $0 == 0x80 ? .nan : value($0, mantissaBits: 2, bias: 16) }

    private static func table(_ value: (UInt8) -> Double) -> [Double] { (0...255).map { value($0) } }

    private static func value(_ bits: UInt8, mantissaBits: Int, bias: Int) -> Double {
        let exponent = Int(bits & 0x7f) >> mantissaBits
        let fraction = Double(Int(bits) & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
        let size = exponent == 0 ? fraction * power(1 - bias) : (1 + fraction) * power(exponent - bias)
        return bits < 0x80 ? size : -size
    }

    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}
