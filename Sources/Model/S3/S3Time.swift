/// Times as requests to object storage and its answers have them, in seconds since 1970.
public enum S3Time {
    /// `20130524T000000Z`
    public static func stamp(_ seconds: Int) -> String {
        String(Moment.text(seconds).prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
    }

    /// `2013-05-24T00:00:00.000Z` or `20130524T000000Z`
    public static func seconds(_ text: String) -> Int? {
        let compact = Array(text.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") })
        guard compact.count >= 16, compact.count < 40, compact[8] == UInt8(ascii: "T"),
            compact.last == UInt8(ascii: "Z")
        else { return nil }
        func number(_ range: Range<Int>, _ valid: ClosedRange<Int>) -> Int? {
            guard compact[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let number = compact[range].reduce(0) { $0 * 10 + Int($1 - 0x30) }
            return valid.contains(number) ? number : nil
        }
        guard let year = number(0..<4, 1970...9999), let month = number(4..<6, 1...12), let day = number(6..<8, 1...31),
            let hour = number(9..<11, 0...23), let minute = number(11..<13, 0...59),
            let second = number(13..<15, 0...60)
        else { return nil }
        return HTTPDate.days(year, month - 1, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// The date of an HTTP header.
    public static func ofHeader(_ text: String) -> Int? { HTTPDate.seconds(text) }
}
