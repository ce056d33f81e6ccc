extension Quantities {
    /// `500`, `5GB`, `1.5 TB`, `64MiB`. K, M, G and T are decimal, with or without the B; only `i` makes them binary.
    public static func readBytes(_ text: String) throws(CakeError) -> UInt64 {
        let refusal = CakeError(
            .usage, "\"\(Printable.escape(text))\" is not a size", fix: "write it like 500, 64MiB, 1.5GB or 2TB")
        guard let (number, unit) = split(text) else { throw refusal }
        let factors: [String: UInt64] = [
            "": 1, "b": 1, "k": 1000, "kb": 1000, "kib": 1 << 10, "m": 1_000_000, "mb": 1_000_000, "mib": 1 << 20,
            "g": 1_000_000_000, "gb": 1_000_000_000, "gib": 1 << 30, "t": 1_000_000_000_000,
            "tb": 1_000_000_000_000, "tib": 1 << 40,
        ]
        guard let factor = factors[unit.lowercased()], let value = number.multiplied(by: factor) else { throw refusal }
        return value
    }

    /// `90s`, `30m`, `2h`, `1d`, `1w`, and together: `1h30m`. Only 0 needs no unit.
    public static func readDuration(_ text: String) throws(CakeError) -> Duration {
        let refusal = CakeError(
            .usage, "\"\(Printable.escape(text))\" is not a time", fix: "write it like 90s, 30m, 2h, 1h30m or 1d")
        if text == "0" { return .zero }
        let seconds: [String: UInt64] = [
            "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800,
        ]
        var total: UInt64 = 0
        var rest = Substring(text.lowercased())
        guard !rest.isEmpty else { throw refusal }
        while !rest.isEmpty {
            let digits = rest.prefix { !$0.isLetter }
            let letters = rest.dropFirst(digits.count).prefix { $0.isLetter }
            guard let (number, odd) = split(String(digits)), odd.isEmpty, let factor = seconds[String(letters)],
                let part = number.multiplied(by: factor)
            else { throw refusal }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow, sum < 1 << 40 else { throw refusal }
            total = sum
            rest = rest.dropFirst(digits.count + letters.count)
        }
        return .seconds(Int64(total))
    }

    /// A decimal number as typed, exact: 1.5 is 15 tenths.
    private struct Decimal {
        var digits: UInt64
        var divisor: UInt64

        func multiplied(by factor: UInt64) -> UInt64? {
            let (high, low) = digits.multipliedFullWidth(by: factor)
            guard high < divisor else { return nil }
            return divisor.dividingFullWidth((high, low)).quotient
        }
    }

    private static func split(_ text: String) -> (Decimal, unit: String)? {
        var number = Decimal(digits: 0, divisor: 1)
        var hasPoint = false
        var digits = 0
        var index = text.startIndex
        while index < text.endIndex {
            let letter = text[index]
            if letter == ".", !hasPoint {
                hasPoint = true
            } else if let digit = letter.isASCII ? letter.wholeNumberValue : nil, digits < 17 {
                number.digits = number.digits * 10 + UInt64(digit)
                if hasPoint { number.divisor *= 10 }
                digits += 1
            } else {
                break
            }
            index = text.index(after: index)
        }
        guard digits > 0 else { return nil }
        return (number, String(text[index...].drop { $0 == " " }))
    }
}
