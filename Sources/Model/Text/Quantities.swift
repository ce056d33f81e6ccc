/// Numbers for people. Decimal units, as docker and makers of disks use; no locale: the output is the same for scripts
/// everywhere.
public enum Quantities {
    /// `812 B`, `1.2 GB`, `144 GB`.
    public static func bytes(_ count: UInt64) -> String {
        scaled(count, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
    }

    /// `812`, `7.2 B`: parameters, tensors.
    public static func count(_ count: UInt64) -> String {
        scaled(count, units: ["", "K", "M", "B", "T", "Q"])
    }

    /// `212 MB/s`.
    public static func rate(bytesPerSecond: Double) -> String {
        guard bytesPerSecond.isFinite, bytesPerSecond >= 0 else { return "0 B/s" }
        return bytes(UInt64(min(bytesPerSecond, 1e18))) + "/s"
    }

    /// `0%` and `100%` are said only when they are exactly so.
    public static func percent(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0, part > 0 else { return "0%" }
        guard part < whole else { return part == whole ? "100%" : ">100%" }
        let share = Double(part) / Double(whole) * 100
        if share < 1 { return "<1%" }
        return "\(min(99, Int(share.rounded())))%"
    }

    /// `0.4 s`, `13 s`, `2 min 5 s`, `1 h 4 min`, `3 d 2 h`.
    public static func duration(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return "0 s" }
        if seconds < 10 {
            let tenths = seconds * 10 + (attoseconds + 50_000_000_000_000_000) / 100_000_000_000_000_000
            return tenths == 0 && attoseconds > 0 ? "<0.1 s" : "\(tenths / 10).\(tenths % 10) s"
        }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return joined(seconds / 60, "min", seconds % 60, "s") }
        if seconds < 86_400 { return joined(seconds / 3600, "h", seconds % 3600 / 60, "min") }
        return joined(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
    }

    private static func joined(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }

    /// One decimal below 100, none above, and never 1000 of a unit.
    private static func scaled(_ count: UInt64, units: [String]) -> String {
        guard count >= 1000 else { return units[0].isEmpty ? "\(count)" : "\(count) \(units[0])" }
        var unit: UInt64 = 1
        for (index, name) in units.enumerated().dropFirst() {
            unit *= 1000
            // In tenths, rounded half up.
            let tenths = count / (unit / 10) + (count % (unit / 10) >= unit / 20 ? 1 : 0)
            if tenths < 1000 { return "\(tenths / 10).\(tenths % 10) \(name)" }
            let whole = count / unit + (count % unit >= unit / 2 ? 1 : 0)
            if whole < 1000 || index == units.count - 1 { return "\(whole) \(name)" }
        }
        return "\(count)"
    }
}
