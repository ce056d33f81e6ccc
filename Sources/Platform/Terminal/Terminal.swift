internal import Glibc

/// The kind of the standard streams: a person's terminal, or a pipe, a file, a log.
public struct Terminal: Sendable {
    public enum Stream: Int32, Sendable, CaseIterable {
        case input = 0
        case output = 1
        case errors = 2
    }

    private let terminals: Set<Stream>
    private let coloured: Set<Stream>
    /// `COLUMNS`, for a stream that is no terminal.
    private let columns: Int?

    /// `refusesColour` is `--no-color`.
    public init(_ environment: Environment, refusesColour: Bool) {
        let terminals = Set(Stream.allCases.filter { isatty($0.rawValue) == 1 })
        self.init(environment, terminals: terminals, refusesColour: refusesColour)
    }

    /// `terminals` says which streams are terminals: for tests; otherwise the machine is asked.
    public init(_ environment: Environment, terminals: Set<Stream>, refusesColour: Bool) {
        self.terminals = terminals
        columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        coloured = Set(
            Stream.allCases.filter { stream in
                if refusesColour || environment["NO_COLOR"] != nil { return false }
                if let forced = environment["CLICOLOR_FORCE"], forced != "0" { return true }
                return terminals.contains(stream) && environment["TERM"] != "dumb"
            })
        canMoveCursor = terminals.contains(.errors) && environment["TERM"] != "dumb"
    }

    /// Whether a display on standard error can be drawn over.
    public let canMoveCursor: Bool

    public func isTerminal(_ stream: Stream) -> Bool { terminals.contains(stream) }

    public func allowsColour(_ stream: Stream) -> Bool { coloured.contains(stream) }

    /// The terminal's width now, which changes when a person resizes it. Nil for a pipe or a file, where a line may be
    /// as long as it likes.
    public func width(_ stream: Stream) -> Int? {
        guard isTerminal(stream) else { return nil }
        var size = winsize()
        let answer = unsafe ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size)
        if answer == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return columns ?? 80
    }

    /// Where prose is broken: at the terminal's edge, but not so wide that a line is hard to follow.
    public func proseWidth(_ stream: Stream) -> Int { min(width(stream) ?? columns ?? 80, 100) }
}
