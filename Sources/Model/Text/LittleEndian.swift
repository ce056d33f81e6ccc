/// Fixed-width numbers as the store's binary parts and archives write them. Inlined in other modules: there each would otherwise
/// be a call for any kind of number, at a hundred times the cost.
extension [UInt8] {
    @inlinable
    public mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: number >> Number(shift)))
        }
    }
}

extension Span<UInt8> {
    /// The caller has checked that the number is inside.
    @inlinable
    public func littleEndian<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number {
        var value: Number = 0
        for index in (0..<Number.bitWidth / 8).reversed() {
            value = value << 8 | Number(truncatingIfNeeded: self[offset + index])
        }
        return value
    }
}
