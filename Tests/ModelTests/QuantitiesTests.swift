import Model
import Testing

@Suite struct `A quantity` {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"), (99_949, "99.9 kB"),
        (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (14_483_498_037, "14.5 GB"),
        (UInt64.max, "18.4 EB"),
    ]) func `of bytes reads as docker's do`(bytes: UInt64, text: String) {
        #expect(Quantities.bytes(bytes) == text)
    }

    @Test func `of things, shares and rates`() {
        #expect(Quantities.count(291) == "291")
        #expect(Quantities.count(7_241_732_096) == "7.2 B")
        #expect(Quantities.percent(0, of: 10) == "0%")
        #expect(Quantities.percent(1, of: 1000) == "<1%")
        #expect(Quantities.percent(999, of: 1000) == "99%")
        #expect(Quantities.percent(10, of: 10) == "100%")
        #expect(Quantities.percent(1, of: 0) == "0%")
        #expect(Quantities.rate(bytesPerSecond: 212e6) == "212 MB/s")
        #expect(Quantities.rate(bytesPerSecond: .infinity) == "0 B/s")
    }

    @Test(arguments: [
        (Duration.zero, "0.0 s"), (.milliseconds(4), "<0.1 s"), (.milliseconds(440), "0.4 s"),
        (.milliseconds(9960), "10.0 s"), (.seconds(13), "13 s"), (.seconds(125), "2 min 5 s"), (.seconds(120), "2 min"),
        (.seconds(3840), "1 h 4 min"), (.seconds(180_000), "2 d 2 h"), (.seconds(-5), "0 s"),
    ]) func `of time`(duration: Duration, text: String) {
        #expect(Quantities.duration(duration) == text)
    }

    @Test(arguments: [
        ("0", 0), ("500", 500), ("5GB", 5_000_000_000), ("5 gb", 5_000_000_000), ("64MiB", 64 << 20), ("1.5k", 1500),
        ("0.5KiB", 512), ("2T", 2_000_000_000_000),
    ]) func `of bytes is read as people type it`(text: String, bytes: UInt64) throws {
        #expect(try Quantities.readBytes(text) == bytes)
    }

    @Test(arguments: [
        ("0", 0), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), ("1.5h", 5400),
        ("2W", 1_209_600),
    ]) func `of time is read as people type it`(text: String, seconds: Int) throws {
        #expect(try Quantities.readDuration(text) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "GB", "-1", "5 parsecs", "1e9", "1..5GB", "99999999999999999999", "18446744073709551615TB", "٣GB", "5h",
        " 5",
    ]) func `of bytes is refused when it makes no sense`(text: String) {
        #expect(throws: CakeError.self) { try Quantities.readBytes(text) }
    }

    @Test(arguments: ["", "5", "h", "-1h", "1h30", "1x", "h1", "1.2.3h", "99999999999999999w", "1h 30m"])
    func `of time is refused when it makes no sense`(text: String) {
        #expect(throws: CakeError.self) { try Quantities.readDuration(text) }
    }
}

@Suite struct `A suggested word` {
    @Test func `is a word one or two slips away`() {
        let known = ["import", "export", "inspect", "ls", "gc", "verify", "mistral-7b-instruct"]
        #expect(Suggestion.nearest(to: "improt", among: known) == "import")
        #expect(Suggestion.nearest(to: "Import", among: known) == "import")
        #expect(Suggestion.nearest(to: "l", among: known) == "ls")
        #expect(Suggestion.nearest(to: "sl", among: known) == "ls")
        #expect(Suggestion.nearest(to: "mistral-7b-insruct", among: known) == "mistral-7b-instruct")
        #expect(Suggestion.nearest(to: "mist", among: known) == "mistral-7b-instruct")
        #expect(Suggestion.nearest(to: "completely-else", among: known) == nil)
        #expect(Suggestion.nearest(to: "", among: known) == nil)
        #expect(Suggestion.nearest(to: "x", among: []) == nil)
    }
}
