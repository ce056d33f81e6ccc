import Model
import Network
import Platform

/// Each request as one short line, for a person who looks on: when, how it ended, what was asked, how much and how long.
struct RequestLines: Sendable {
    /// What is shown of a request.
    struct Entry {
        var method: String
        var address: String
        /// 0 when it was not answered.
        var status: Int
        var bytes: UInt64 = 0
        var received: UInt64 = 0
        var duration: Duration
        /// The answer was sent to its end.
        var isWhole = true
    }

    let output: StandardOutput
    let style: Style
    /// Asked anew for each line: a terminal may become wider.
    let width: @Sendable () -> Int

    func write(_ record: ServerRecord) {
        let entry = Entry(
            method: record.request.method, address: record.request.address, status: record.status, bytes: record.bytes,
            received: record.received, duration: record.duration, isWhole: record.isWhole)
        output.line(
            RequestLines.line(
                of: entry, at: Machine.clock(Machine.now), width: width(), style: style))
    }

    static func line(of record: Entry, at clock: String, width: Int, style: Style) -> String {
        let method = TextWidth.shorten(Printable.escape(record.method), to: 7)
        let received = record.received > record.bytes
        let size = Quantities.bytes(received ? record.received : record.bytes) + (received ? " in" : "")
        var details = [right(size, 7), right(time(record.duration), 6)]
        if !record.isWhole { details.append("cut off") }
        let begin = (width < 60 ? "" : clock + "  ") + (record.status == 0 ? "---" : "\(record.status)") + "  "
        let verb = method + String(repeating: " ", count: max(1, 5 - method.count))
        var end: String { details.map { "  " + $0 }.joined() }
        // On a narrow terminal the address and how it ended say more than the size.
        while details.count > 1, width - begin.count - verb.count - end.count < 12 { details.removeFirst() }
        let room = max(4, width - begin.count - verb.count - end.count)
        let address = TextWidth.shorten(short(record.address), to: room)
        let padding = String(repeating: " ", count: max(0, room - TextWidth.of(address)))
        return style.paint(begin, tone(record)) + verb + address + style.paint(padding + end, .faint)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func tone(_ record: Entry) -> Style.Tone {
        switch record.status {
        case 200..<400: record.isWhole ? .good : .careful
        case 400..<500: .careful
        default: .bad
        }
    }

    private static func time(_ duration: Duration) -> String {
        duration < .seconds(1) ? "\(Int(duration / .milliseconds(1))) ms" : Quantities.duration(duration)
    }

    /// A digest takes as many digits as a person compares.
    private static func short(_ address: String) -> String {
        var text = ""
        var rest = Printable.escape(address)[...]
        while let mark = rest.firstRange(of: "sha256:") {
            let digits = rest[mark.upperBound...].prefix { $0.isHexDigit }
            text += rest[..<mark.upperBound] + digits.prefix(12) + (digits.count > 12 ? "…" : "")
            rest = rest[digits.endIndex...]
        }
        return text + rest
    }
}
