internal import Glibc
public import Model
internal import Synchronization

/// Standard output, where results go. Gathers what is written and hands it on in large pieces; on a terminal at once.
///
/// A reader that has seen enough (`cake ls | head`) is no failure: what follows is dropped, and the command ends as if
/// all had been read. Any other failure is kept for `finish`, so that a full disk behind `>` is not taken for success.
public final class StandardOutput: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var failure: CakeError?
        var isClosed = false
    }

    private static let gathered = 64 << 10

    private let state = Mutex(State())
    private let isImmediate: Bool
    /// Kept for whoever made it, and never written.
    private let isKept: Bool

    public init(isTerminal: Bool) {
        isImmediate = isTerminal
        isKept = false
    }

    /// Keeps what is written, so that a command's result can become part of another's.
    public init(keeping: Void) {
        isImmediate = false
        isKept = true
    }

    /// What was written and not handed on.
    public var kept: [UInt8] { state.withLock { $0.waiting } }

    /// Nobody reads any more: work that is only done to be shown can stop.
    public var isClosed: Bool { state.withLock { $0.isClosed } }

    public func write(_ text: String) { write(Array(text.utf8)) }

    public func write(_ bytes: [UInt8]) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.waiting.append(contentsOf: bytes)
            guard !isKept else { return }
            if isImmediate || state.waiting.count >= Self.gathered { Self.flush(&state) }
        }
    }

    /// Hands bytes on at once, behind what was gathered. Who sends more than a page wants to know when nobody reads it.
    public func send(_ bytes: Span<UInt8>) throws(CakeError) {
        let failure: CakeError? = state.withLock { state in
            Self.flush(&state)
            guard !state.isClosed else { return nil }
            let number = unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: STDOUT_FILENO) }
            guard number != 0 else { return nil }
            state.isClosed = true
            return number == EPIPE ? nil : Self.failure(number)
        }
        if let failure { throw failure }
    }

    /// Hands on what was gathered so far, for who reads along.
    public func handOn() {
        guard !isKept else { return }
        state.withLock { Self.flush(&$0) }
    }

    public func line(_ text: String = "") { write(text + "\n") }

    public func lines(_ lines: [String]) {
        for text in lines { line(text) }
    }

    /// Hands on what is left, and says what went wrong on the way.
    public func finish() throws(CakeError) {
        guard !isKept else { return }
        let failure = state.withLock { state in
            Self.flush(&state)
            return state.failure
        }
        if let failure { throw failure }
    }

    private static func flush(_ state: inout State) {
        defer { state.waiting.removeAll(keepingCapacity: true) }
        guard !state.isClosed else { return }
        let number = writeAll(state.waiting, to: STDOUT_FILENO)
        guard number != 0 else { return }
        state.isClosed = true
        if number != EPIPE { state.failure = failure(number) }
    }

    private static func failure(_ number: Int32) -> CakeError {
        let words = unsafe String(cString: strerror(number))
        let isFull = number == ENOSPC || number == EDQUOT
        return CakeError(
            isFull ? .diskFull : .failed, "cannot write to standard output: \(words)",
            fix: isFull ? "free some space where the output goes, and run it again" : nil)
    }
}

/// Standard error, where everything goes that is not the result. Not gathered, and a failure to write is nobody's news.
public struct StandardError: Sendable {
    public init() {}

    public func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }

    public func line(_ text: String) { write(text + "\n") }

    /// For last words: said only when it does not mean to wait for whoever reads them.
    public func writeUnlessBlocked(_ text: String) {
        var request = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if unsafe poll(&request, 1, 0) == 1 { write(text) }
    }
}

/// Standard input, for a question that a person answers.
public struct StandardInput: Sendable {
    public init() {}

    /// A line that nobody looking on may read: the terminal does not show it.
    public func secretLine() async throws -> String? {
        var usual = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &usual) == 0 else { return try await line() }
        var silent = usual
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer { unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual) }
        return try await line()
    }

    /// The line a person types, without its end; nil when there is none. Waits without holding a thread, so that Ctrl-C
    /// and a drawn display go on.
    public func line() async throws -> String? {
        var bytes: [UInt8] = []
        while true {
            var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&request, 1, 0) != 0 else {
                try await Task.sleep(for: .milliseconds(30))
                continue
            }
            var byte: UInt8 = 0
            let count = unsafe read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
            guard bytes.count < 4096 else { return nil }
        }
    }
}

/// The error number that stopped it, or 0. Waits when the other end is slow, even where someone else made it
/// non-blocking.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: descriptor) }
}

func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var start = 0
    while start < bytes.count {
        let count = unsafe write(descriptor, bytes.baseAddress?.advanced(by: start), bytes.count - start)
        if count >= 0 {
            start += count
            continue
        }
        switch errno {
        case EINTR: continue
        case EAGAIN:
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&request, 1, -1)
        case let number: return number
        }
    }
    return 0
}
