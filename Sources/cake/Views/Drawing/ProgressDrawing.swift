import Model
import Transfer

/// How fast it goes, smoothed: each sample counts for less as it gets older, so the time left does not jump.
struct Pace: Hashable, Sendable {
    private(set) var bytesPerSecond: Double?
    private var lastBytes: UInt64 = 0
    private var lastTime = Duration.zero

    private static let memory = 4.0

    mutating func note(bytes: UInt64, at time: Duration) {
        let seconds = (time - lastTime) / .seconds(1)
        guard seconds > 0.05 else { return }
        let now = Double(bytes >= lastBytes ? bytes - lastBytes : 0) / seconds
        let weight = 1 - 1 / (1 + seconds / Self.memory)
        bytesPerSecond = bytesPerSecond.map { $0 + (now - $0) * weight } ?? now
        lastBytes = bytes
        lastTime = time
    }
}

/// A snapshot as lines, in words or as JSON. Knows neither clock nor terminal.
struct ProgressDrawing: Sendable {
    let snapshot: Progress.Snapshot
    let pace: Pace
    let elapsed: Duration

    /// Two lines to draw over: what and how far; then the details, as many as there is room for.
    func live(width: Int, style: Style) -> [String] {
        let phase = Printable.escape(snapshot.phase)
        let width = max(10, width)
        guard snapshot.bytesTotal > 0 else {
            return [TextWidth.shorten(phase, to: width), details(in: width, style)].filter { !$0.isEmpty }
        }
        let percent = Quantities.percent(snapshot.bytesDone, of: snapshot.bytesTotal)
        let percentColumn = String(repeating: " ", count: max(0, 5 - percent.count)) + percent
        let name = TextWidth.shorten(phase, to: max(1, width - 16))
        let room = min(40, width - TextWidth.of(name) - 2 - percentColumn.count)
        let share = min(1, Double(snapshot.bytesDone) / Double(snapshot.bytesTotal))
        let full = Int(share * Double(room))
        let bar =
            style.paint(String(repeating: "━", count: full), .accent)
            + style.paint(String(repeating: style.isOn ? "━" : "─", count: max(0, room - full)), .faint)
        return ["\(name)  \(bar)\(percentColumn)", details(in: width, style)].filter { !$0.isEmpty }
    }

    private func details(in width: Int, _ style: Style) -> String {
        var line = ""
        for part in parts {
            let longer = line.isEmpty ? part : line + " · " + part
            guard TextWidth.of(longer) <= width else { break }
            line = longer
        }
        return style.paint(line, .faint)
    }

    /// The most important first.
    private var parts: [String] {
        var parts: [String] = []
        if snapshot.bytesTotal > 0 {
            parts.append("\(Quantities.bytes(snapshot.bytesDone)) of \(Quantities.bytes(snapshot.bytesTotal))")
        } else if snapshot.bytesDone > 0 {
            parts.append(Quantities.bytes(snapshot.bytesDone))
        }
        if let notice = snapshot.notice {
            // While nothing comes, how fast it came says nothing.
            parts.append(notice)
        } else if let rate = pace.bytesPerSecond, rate >= 1 {
            parts.append(Quantities.rate(bytesPerSecond: rate))
        }
        if let secondsLeft, snapshot.notice == nil {
            // Whole seconds, where `Quantities` would show tenths.
            let text = secondsLeft < 10 ? "\(secondsLeft) s" : Quantities.duration(.seconds(secondsLeft))
            parts.append("\(text) left")
        }
        if snapshot.bytesKnown > 0 {
            parts.append("\(Quantities.percent(snapshot.bytesKnown, of: snapshot.bytesDone)) already here")
        }
        if snapshot.itemsTotal > 0 {
            parts.append("\(snapshot.itemsDone) of \(snapshot.itemsTotal) \(snapshot.items)")
        } else if snapshot.itemsDone > 0 {
            parts.append("\(snapshot.itemsDone) \(snapshot.items)")
        }
        // Without a bar, something has to move.
        if snapshot.bytesTotal == 0, elapsed >= .seconds(1) {
            parts.append(Quantities.duration(.seconds(elapsed.components.seconds)))
        }
        if snapshot.bytesStored > 0 { parts.append("\(Quantities.bytes(snapshot.bytesStored)) stored") }
        return parts
    }

    /// Nil while it would be a guess.
    private var secondsLeft: Int64? {
        guard let rate = pace.bytesPerSecond, rate >= 1, elapsed > .seconds(1),
            snapshot.bytesDone < snapshot.bytesTotal
        else { return nil }
        let seconds = (Double(snapshot.bytesTotal - snapshot.bytesDone) / rate).rounded(.up)
        return seconds < 30 * 86_400 ? Int64(seconds) : nil
    }

    /// For a log: one line that makes sense on its own.
    var plain: String {
        let percent = snapshot.bytesTotal > 0 ? [Quantities.percent(snapshot.bytesDone, of: snapshot.bytesTotal)] : []
        let text = (percent + parts).joined(separator: ", ")
        return Printable.escape(snapshot.phase) + (text.isEmpty ? "" : ": " + text)
    }

    var json: String {
        let line: JSONValue = [
            "event": "progress", "phase": JSONValue(snapshot.phase),
            "elapsed_milliseconds": JSONValue(Int(elapsed / .milliseconds(1))),
            "bytes_total": JSONValue(snapshot.bytesTotal), "bytes_done": JSONValue(snapshot.bytesDone),
            "bytes_known": JSONValue(snapshot.bytesKnown), "bytes_stored": JSONValue(snapshot.bytesStored),
            "bytes_skipped": JSONValue(snapshot.bytesSkipped),
            "items_total": JSONValue(snapshot.itemsTotal), "items_done": JSONValue(snapshot.itemsDone),
            "notice": JSONValue(snapshot.notice),
        ]
        return line.text(.compact)
    }
}
