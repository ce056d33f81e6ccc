extension Quantities {
    /// `1 file`, `7 files`.
    public static func count(_ count: Int, of noun: String) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
    }

    /// The age of something in docker's words: `just now`, `3 minutes`, `2 days`, `5 weeks`. A time in the future,
    /// after the clock was put back, is `just now`.
    public static func age(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        let (hour, day): (Int64, Int64) = (3600, 86_400)
        switch seconds {
        case ..<60: return "just now"
        case ..<hour: return plural(seconds / 60, "minute")
        case ..<day: return plural(seconds / hour, "hour")
        case ..<(14 * day): return plural(seconds / day, "day")
        case ..<(63 * day): return plural(seconds / day / 7, "week")
        case ..<(730 * day): return plural(seconds / day / 30, "month")
        default: return plural(seconds / day / 365, "year")
        }
    }

    private static func plural(_ count: Int64, _ unit: String) -> String { "\(count) \(unit)\(count == 1 ? "" : "s")" }

    /// Three digits of a number that was measured or computed: `0`, `0.0312`, `12.5`, `1.22e-7`.
    public static func number(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        let sign = value < 0 ? "-" : ""
        var exponent = 0
        var digits = value.magnitude
        while digits >= 10 { (digits, exponent) = (digits / 10, exponent + 1) }
        while digits < 1 { (digits, exponent) = (digits * 10, exponent - 1) }
        var hundreds = Int((digits * 100).rounded())
        if hundreds == 1000 { (hundreds, exponent) = (100, exponent + 1) }
        guard (-4...5).contains(exponent) else {
            return sign + decimal(hundreds, places: 2) + "e\(exponent)"
        }
        if exponent >= 2 {
            let zeros = String(repeating: "0", count: exponent - 2)
            return "\(sign)\(hundreds)\(zeros)"
        }
        return sign + decimal(hundreds, places: 2 - exponent)
    }

    /// `digits` with a point before the last `places` of them, without zeros at its end.
    private static func decimal(_ digits: Int, places: Int) -> String {
        var text = String(digits)
        text = String(repeating: "0", count: max(0, places + 1 - text.utf8.count)) + text
        var fraction = text.suffix(places)
        while fraction.last == "0" { fraction.removeLast() }
        return text.dropLast(places) + (fraction.isEmpty ? "" : "." + fraction)
    }
}
