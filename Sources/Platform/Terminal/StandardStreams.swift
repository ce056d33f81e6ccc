internal import Glibc
public import Model
internal import Synchronization

/// Standard output, where results go. It collects bytes and writes them in large pieces; on a terminal at once.
///
/// A reader that stops early (`cake ls | head`) is no failure: later bytes are dropped, and the command ends as if all
/// had been read. Any other failure is kept for `finish`: a full disk behind `>` does not look like success.
public final class StandardOutput: Sendable {
    private struct State {
        var waiting: [UInt8] = []
        var failure: CakeError?
        var isClosed = false
    }

    private static let gathered = 64 << 10

    private let state = Mutex(State())
    private let isImmediate: Bool
    /// The bytes are kept for the owner, and never written.
    private let isKept: Bool

    public init(isTerminal: Bool) {
        isImmediate = isTerminal
        isKept = false
    }

    /// Keeps the bytes: a command's result can become part of another's.
    public init(keeping: Void) {
        isImmediate = false
        isKept = true
    }

    /// Bytes that were collected and not written.
    public var kept: [UInt8] { state.withLock { $0.waiting } }

    /// There is no reader any more: work that is only shown can stop.
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

    /// Writes bytes at once, after the collected ones. A caller that sends more than a page needs to know when the
    /// reader is gone.
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

    /// Writes the collected bytes, for a reader that follows.
    public func handOn() {
        guard !isKept else { return }
        state.withLock { Self.flush(&$0) }
    }

    public func line(_ text: String = "") { write(text + "\n") }

    public func lines(_ lines: [String]) {
        for text in lines { line(text) }
    }

    /// Writes the rest, and throws an earlier failure.
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

/// Standard error, for everything but the result. Not buffered. A failure to write is ignored.
public struct StandardError: Sendable {
    public init() {}

    public func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }

    public func line(_ text: String) { write(text + "\n") }

    /// For last words: written only if that does not block.
    public func writeUnlessBlocked(_ text: String) {
        var request = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if unsafe poll(&request, 1, 0) == 1 { write(text) }
    }
}

/// Standard input, for a question that a person answers.
public struct StandardInput: Sendable {
    public init() {}

    /// A secret line: the terminal does not show it.
    public func secretLine() async throws -> String? {
        var usual = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &usual) == 0 else { return try await line() }
        var silent = usual
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer { unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual) }
        return try await line()
    }

    /// The line a person types, without its end; nil if there is none. Waits without holding a thread: Ctrl-C and a
    /// drawn display still work.
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
