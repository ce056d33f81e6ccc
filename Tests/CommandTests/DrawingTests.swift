import Model
import Testing
import Transfer

@testable import cake

/// At each width, without colours and with.
private func sections(_ draw: (Int, Style) -> [String]) -> [String] {
    [40, 80, 120].flatMap { width in
        [false, true].flatMap { isOn in
            let lines = draw(width, Style(isOn: isOn))
            return ["== \(width) columns\(isOn ? ", colour" : "")"] + lines
        }
    }
}

private func isNarrow(_ lines: [String], _ width: Int) -> Bool { lines.allSatisfy { TextWidth.of($0) <= width } }

@Suite struct `A table` {
    private let table: Table = {
        var table = Table([
            .init(title: "NAME", importance: 9, leastWidth: 12),
            .init(title: "FILES", alignment: .right, importance: 2),
            .init(title: "PARAMETERS", alignment: .right, importance: 3),
            .init(title: "SIZE", alignment: .right, importance: 8),
            .init(title: "AT REST", alignment: .right, importance: 7),
            .init(title: "FROM", importance: 1, leastWidth: 10, keepsEnd: true),
        ])
        table.add([
            Cell("mistral-7b", .strong), "3", "7.2 B", "14.5 GB", "9.8 GB", "/srv/models/mistralai/Mistral-7B-v0.1",
        ])
        table.add(["mistral-7b-instruct-v0.2-dpo-merged", "3", "7.2 B", "14.5 GB", "1.1 GB", "./instruct"])
        table.add(["模型-日本語-🍰-very-long-name-here", "12", "700 M", "1.4 GB", "1.4 GB", ""])
        table.add(["evil\u{1b}[2J\nname", "1", "12", "812 B", "812 B", "a\u{202e}b"])
        table.add(["short"])
        return table
    }()
    private typealias Cell = Table.Cell

    @Test func `looks as it should at every width`() throws {
        try Golden.check(sections { table.lines(width: $0, style: $1) }, "table")
    }

    @Test func `fits any width, and has no spaces at the end of a line`() {
        for width in 1...150 {
            let lines = table.lines(width: width, style: Style(isOn: false))
            #expect(isNarrow(lines, width), "\(width)")
            #expect(!lines.contains { $0.hasSuffix(" ") }, "\(width)")
        }
    }

    @Test func `is whole where nobody limits it`() {
        let lines = table.lines(width: nil, style: Style(isOn: false))
        #expect(!lines.joined().contains("…"))
        #expect(lines.joined().contains("/srv/models/mistralai/Mistral-7B-v0.1"))
    }
}

@Suite struct `A progress display` {
    private static let gigabyte: UInt64 = 1_000_000_000

    private func drawing(_ change: (inout Progress.Snapshot) -> Void) -> ProgressDrawing {
        var snapshot = Progress.Snapshot(
            phase: "importing mistral-7b", items: "tensors", bytesTotal: 14_500_000_000, bytesDone: 5 * Self.gigabyte,
            bytesKnown: 2 * Self.gigabyte, bytesStored: 2_100_000_000, itemsTotal: 291, itemsDone: 101)
        change(&snapshot)
        var pace = Pace()
        for second in 1...20 {
            pace.note(bytes: snapshot.bytesDone / 20 * UInt64(second), at: .seconds(second))
        }
        return ProgressDrawing(snapshot: snapshot, pace: pace, elapsed: .seconds(20))
    }

    @Test func `looks as it should at every width`() throws {
        let half = drawing { _ in }
        let beginning = drawing { $0 = Progress.Snapshot(phase: "reading ./模型", items: "files") }
        let scanning = drawing {
            $0 = Progress.Snapshot(phase: "verifying", items: "layers", bytesDone: 123_456_789, itemsDone: 42)
        }
        let end = drawing { $0.bytesDone = $0.bytesTotal }
        let lines = sections { width, style in
            [half, beginning, scanning, end].flatMap { $0.live(width: width, style: style) }
        }
        try Golden.check(lines, "progress")
        try Golden.check([half, beginning, scanning, end].flatMap { [$0.plain, $0.json] }, "progress-plain")
    }

    @Test func `fits any width`() {
        for width in 20...150 {
            #expect(isNarrow(drawing { _ in }.live(width: width, style: Style(isOn: false)), width), "\(width)")
        }
    }

    @Test func `says 100 per cent only at the end, and survives counts that make no sense`() {
        #expect(drawing { $0.bytesDone = $0.bytesTotal - 1 }.plain.contains(" 99%"))
        #expect(drawing { $0.bytesDone = $0.bytesTotal * 2 }.live(width: 80, style: Style(isOn: false)).count == 2)
    }

    @Test func `has a pace that follows slowly`() throws {
        var pace = Pace()
        for second in 1...30 { pace.note(bytes: UInt64(second) * 100, at: .seconds(second)) }
        #expect(abs(try #require(pace.bytesPerSecond) - 100) < 1)
        pace.note(bytes: 3000, at: .seconds(31))
        #expect(try #require(pace.bytesPerSecond) > 70)
        for second in 32...60 { pace.note(bytes: 3000, at: .seconds(second)) }
        #expect(try #require(pace.bytesPerSecond) < 1)
    }

    @Test func `adds up what workers report from many threads`() async {
        let progress = Progress("testing")
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 { progress.did(bytes: 3) }
                    progress.finished()
                }
            }
        }
        #expect(progress.snapshot.bytesDone == 24_000)
        #expect(progress.snapshot.itemsDone == 8)
    }

    @Test func `is drawn over from where it began, also after the terminal became narrower`() {
        #expect(Reporter.upwards(over: [], width: 80) == "")
        #expect(Reporter.upwards(over: ["abc", "def"], width: 80) == "\u{1b}[2A\r")
        #expect(Reporter.upwards(over: [String(repeating: "x", count: 79), ""], width: 40) == "\u{1b}[3A\r")
    }
}

@Suite struct `A failure` {
    private let error = CakeError(
        .damaged, "model\u{1b}[31m.safetensors: the header claims 9 bytes\nmore than the file has",
        fix: "fetch it again")

    @Test func `is told with its remedy, and a stranger's text cannot colour it`() throws {
        let lines = [false, true].map { ErrorText.text(error, style: Style(isOn: $0)) } + [ErrorText.document(error)]
        try Golden.check(lines, "error")
    }
}

@Suite struct `A line of text` {
    @Test(arguments: [
        ("abc", 3), ("é", 1), ("e\u{301}", 1), ("模型", 4), ("🍰", 2), ("👩‍👩‍👧", 2), ("❤️", 2), ("ｱ", 1), ("한", 2), ("—", 1),
    ]) func `takes as many columns as a terminal gives it`(text: String, width: Int) {
        #expect(TextWidth.of(text) == width)
    }

    @Test func `is shortened to fit`() {
        #expect(TextWidth.shorten("abcdef", to: 4) == "abc…")
        #expect(TextWidth.shorten("abcdef", to: 4, keepingEnd: true) == "…def")
        #expect(TextWidth.shorten("模型模型", to: 4) == "模…")
        #expect(TextWidth.shorten("abc", to: 3) == "abc")
        #expect(TextWidth.shorten("abc", to: 0) == "")
    }
}
