import Model
import Mount
import Network

/// What was tried on this machine, and what was found there.
struct SelfTestSummary: Summary {
    let outcome: SelfTest.Outcome
    let elapsed: Duration
    private let machine = MachineSummary()
    private let certificates = TrustedCertificates.file
    private let complaint = MountSupport.complaint()

    init(outcome: SelfTest.Outcome, elapsed: Duration) {
        self.outcome = outcome
        self.elapsed = elapsed
    }

    func lines(on page: Page) -> [String] {
        func line(_ word: String, _ text: String) -> [String] { HelpText.entry(word, text, column: 16, page) }
        var lines = outcome.steps.flatMap { line($0.name, "\($0.meaning) (\(Quantities.duration($0.time)))") }
        lines += ["", "cake \(CommandTable.version) works here. All of it took \(Quantities.duration(elapsed)).", ""]
        lines += line("machine", machine.text)
        let speeds = [
            ("hash", outcome.speeds.hash), ("encode", outcome.speeds.encode), ("decode", outcome.speeds.decode),
        ]
        .map { "\($0.0) \(Quantities.rate(bytesPerSecond: $0.1))" }
        lines += line("one thread", speeds.joined(separator: ", "))
        lines += line(
            "certificates", certificates ?? "none found: HTTPS needs SSL_CERT_FILE, or the package ca-certificates")
        return lines + line("mount", complaint.map { "not now: \($0.what)" } ?? "possible")
    }

    var document: JSONValue {
        [
            "version": JSONValue(CommandTable.version), "passed": true,
            "steps": .array(
                outcome.steps.map {
                    ["name": JSONValue($0.name), "milliseconds": JSONValue(UInt64($0.time / .milliseconds(1)))]
                }),
            "milliseconds": JSONValue(UInt64(elapsed / .milliseconds(1))),
            "machine": machine.document,
            "bytes_per_second": [
                "hash": JSONValue(UInt64(outcome.speeds.hash)), "encode": JSONValue(UInt64(outcome.speeds.encode)),
                "decode": JSONValue(UInt64(outcome.speeds.decode)),
            ],
            "certificates": JSONValue(certificates),
            "mount": ["possible": .bool(complaint == nil), "reason": JSONValue(complaint?.what)],
        ]
    }
}
