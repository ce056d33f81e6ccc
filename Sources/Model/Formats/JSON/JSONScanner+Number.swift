extension JSONScanner {
    /// Whole numbers are exact. A number with a point, an exponent or more than 64 bits is a Double, and so is `-0`.
    public enum Number: Hashable, Sendable {
        case unsigned(UInt64)
        /// Below zero.
        case negative(Int64)
        case double(Double)
    }

    public mutating func number(in bytes: Span<UInt8>) throws(CakeError) -> Number {
        skipSpace(in: bytes)
        let start = position
        var index = start
        let isNegative = index < bytes.count && bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        let firstDigit = index
        var magnitude: UInt64 = 0
        var fits = true
        while index < bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { break }
            let (tens, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            if overflow || carry { fits = false }
            magnitude = sum
            index += 1
        }
        guard index > firstDigit else {
            move(to: index)
            throw refuse("a digit is missing", in: bytes)
        }
        guard index == firstDigit + 1 || bytes[firstDigit] != 0x30 else {
            move(to: firstDigit)
            throw refuse("a number with a leading zero", in: bytes)
        }
        let isWhole = try !skipFraction(from: &index, in: bytes)
        move(to: index)
        if isWhole && fits {
            guard isNegative else { return .unsigned(magnitude) }
            if magnitude > 0, magnitude <= UInt64(1) << 63 {
                return .negative(Int64(truncatingIfNeeded: 0 &- magnitude))
            }
        }
        guard let text = String(copying: bytes.extracting(start..<index)), let value = Double(text), value.isFinite
        else {
            move(to: start)
            throw refuse("a number too large for a Double", in: bytes)
        }
        return .double(value)
    }

    /// The next value if it is a whole number of 64 bits without a sign, else nil: shapes and offsets.
    public mutating func wholeNumber(in bytes: Span<UInt8>) throws(CakeError) -> UInt64? {
        guard try kind(in: bytes) == .number, case .unsigned(let value) = try number(in: bytes) else { return nil }
        return value
    }

    /// Steps over a point with digits and an exponent, each optional; true if there was one.
    private mutating func skipFraction(from index: inout Int, in bytes: Span<UInt8>) throws(CakeError) -> Bool {
        let start = index
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            try skipDigits(from: &index, in: bytes)
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            try skipDigits(from: &index, in: bytes)
        }
        return index > start
    }

    private mutating func skipDigits(from index: inout Int, in bytes: Span<UInt8>) throws(CakeError) {
        let start = index
        while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
        guard index > start else {
            move(to: index)
            throw refuse("a digit is missing", in: bytes)
        }
    }
}
