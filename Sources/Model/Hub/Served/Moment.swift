/// Times as the Hub writes them.
public enum Moment {
    /// Seconds since 1970 as `2024-01-01T00:00:00.000Z`.
    public static func text(_ seconds: Int) -> String {
        let (days, rest) = (Int((Double(seconds) / 86_400).rounded(.down)), ((seconds % 86_400) + 86_400) % 86_400)
        // Years that begin in March: the day that is added now and then is their last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month < 10 ? 0 : 1)
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        let date = "\(year)-\(two(month < 10 ? month + 3 : month - 9))-\(two(day))"
        return "\(date)T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)).000Z"
    }
}
