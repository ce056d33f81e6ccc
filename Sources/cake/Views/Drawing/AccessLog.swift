import Model
import Network
import Platform

/// Each request as one line of JSON, which leaves with those of the next moments.
struct AccessLog: Sendable {
    private let output: StandardOutput

    init(_ output: StandardOutput) { self.output = output }

    func write(_ record: ServerRecord) {
        let (seconds, attoseconds) = record.duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let thousandths = String(1000 + microseconds % 1000).dropFirst()
        // Written piece by piece: it is part of every request.
        var line: [UInt8] = []
        line.reserveCapacity(512)
        func add(_ key: String, _ value: some StringProtocol) {
            line += key.utf8
            line += value.utf8
        }
        func add(_ key: String, quoted text: String?) {
            line += key.utf8
            guard let text, text.utf8.allSatisfy(AccessLog.isPlain) else {
                line += JSONValue(text).bytes(.compact)
                return
            }
            line.append(AccessLog.quote)
            line += text.utf8
            line.append(AccessLog.quote)
        }
        add("{\"time\":", String(Machine.now))
        add(",\"client\":", quoted: record.request.client)
        add(",\"method\":", quoted: String(record.request.method.prefix(20)))
        // What stands behind a question mark is the registry's own: digests and names, no secrets.
        add(",\"address\":", quoted: record.request.address)
        add(",\"status\":", String(record.status))
        add(",\"bytes\":", String(record.bytes))
        add(",\"received\":", String(record.received))
        add(",\"milliseconds\":", String(microseconds / 1000))
        add(".", thousandths)
        add(",\"whole\":", record.isWhole ? "true" : "false")
        add(",\"agent\":", quoted: record.request["user-agent"])
        add(",\"token\":", quoted: record.token)
        add("}", "\n")
        // A reader of the log that went away is no reason to stop serving.
        output.write(line)
    }

    private static let quote = UInt8(ascii: "\"")

    /// JSON has it as it is.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != quote && byte != UInt8(ascii: "\\")
    }
}
