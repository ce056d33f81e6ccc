import Model
import Platform
import Synchronization
import Transfer

/// Tells on standard error how far a command is and what it noticed: drawn over on a terminal, a line now and then in a
/// log, JSON lines with `--json`, nothing with `--quiet`.
final class Reporter: Sendable {
    private enum Manner { case live, lines, json, silent }

    /// The lines that stand on the terminal and will be drawn over, without colours, and how wide it was.
    private struct Drawn {
        var lines: [String] = []
        var width = 0
    }

    /// Quick work is over before a display would have told anything.
    private static let patience = Duration.milliseconds(300)

    private let manner: Manner
    private let terminal: Terminal
    private let errors: StandardError
    private let style: Style
    private let drawn = Mutex(Drawn())

    init(_ settings: Settings, _ terminal: Terminal, _ errors: StandardError) {
        manner =
            settings.isQuiet
            ? .silent
            : settings.isJSON
                ? .json : terminal.canMoveCursor && !settings.isVerbose ? .live : .lines
        self.terminal = terminal
        self.errors = errors
        style = Style(isOn: terminal.allowsColour(.errors))
    }

    /// Something worth knowing that is neither the result nor a failure.
    func note(_ text: String) {
        switch manner {
        case .silent: return
        case .json:
            let line: JSONValue = ["event": "note", "text": JSONValue(text)]
            errors.line(line.text(.compact))
        case .live, .lines:
            let shown = Printable.escape(text)
            say(terminal.width(.errors).map { TextWidth.wrap(shown, to: $0).joined(separator: "\n") } ?? shown)
        }
    }

    /// Shows the progress while the work is done, and takes the display away when it ends, however it ends.
    func show<Result>(_ progress: Progress, while work: () async throws -> Result) async rethrows -> Result {
        guard manner != .silent else { return try await work() }
        // Leaving the function cancels the drawing and waits for it.
        async let _ = draw(progress)
        return try await work()
    }

    private func draw(_ progress: Progress) async {
        let clock = ContinuousClock()
        let start = clock.now
        var pace = Pace()
        let pause: Duration =
            switch manner {
            case .live: .milliseconds(125)
            case .json: .seconds(1)
            case .lines, .silent: .seconds(5)
            }
        var wait = manner == .live ? Self.patience : pause
        var said: (snapshot: Progress.Snapshot, time: ContinuousClock.Instant)?
        while (try? await Task.sleep(for: wait)) != nil {
            wait = pause
            let snapshot = progress.snapshot
            let elapsed = clock.now - start
            pace.note(bytes: snapshot.bytesMoved, at: elapsed)
            let drawing = ProgressDrawing(snapshot: snapshot, pace: pace, elapsed: elapsed)
            switch manner {
            case .live: redraw(drawing)
            case .lines:
                // While nothing changes, a line a minute is enough.
                if let last = said, last.snapshot == snapshot, clock.now - last.time < .seconds(60) { continue }
                said = (snapshot, clock.now)
                errors.line(drawing.plain)
            case .json: errors.line(drawing.json)
            case .silent: return
            }
        }
        if manner == .json {
            let elapsed = clock.now - start
            errors.line(ProgressDrawing(snapshot: progress.snapshot, pace: pace, elapsed: elapsed).json)
        }
        drawn.withLock { takeAway(&$0) }
    }

    private func redraw(_ drawing: ProgressDrawing) {
        // One column less than there is: a full line would make some terminals begin the next.
        let width = terminal.width(.errors) ?? 80
        let painted = drawing.live(width: width - 1, style: style)
        let plain = drawing.live(width: width - 1, style: Style(isOn: false))
        drawn.withLock { drawn in
            // One write, and each line cleared after it is written, so that nothing flickers.
            var frame = Self.upwards(over: drawn.lines, width: width)
            // A line that the terminal broke stays joined to the next until both are cleared.
            if drawn.width != width { frame += Self.clearBelow }
            frame += painted.map { $0 + "\u{1b}[K\n" }.joined() + Self.clearBelow
            errors.write(frame)
            drawn = Drawn(lines: plain, width: width)
        }
    }

    private func say(_ text: String) {
        drawn.withLock { drawn in
            takeAway(&drawn)
            errors.line(text)
        }
    }

    private func takeAway(_ drawn: inout Drawn) {
        guard !drawn.lines.isEmpty else { return }
        errors.write(Self.upwards(over: drawn.lines, width: terminal.width(.errors) ?? 80) + Self.clearBelow)
        drawn.lines = []
    }

    private static let clearBelow = "\u{1b}[J"

    /// To where the first of the lines begins. A terminal that has become narrower has broken them.
    static func upwards(over lines: [String], width: Int) -> String {
        let rows = lines.reduce(0) { $0 + max(1, (TextWidth.of($1) + width - 1) / max(1, width)) }
        return rows == 0 ? "" : "\u{1b}[\(rows)A\r"
    }
}
