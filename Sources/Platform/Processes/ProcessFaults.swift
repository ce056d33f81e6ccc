#if DEBUG
    internal import Glibc
    internal import Synchronization

    /// Faults that a test injects into a program that it starts: a signal at the nth system call
    /// (`CAKE_TEST_SIGNAL=9@120`), and a byte for each call in a file (`CAKE_TEST_CALLS`). In debug builds only.
    @safe final class ProcessFaults: Sendable {
        static let own = ProcessFaults()

        private let calls = Atomic(0)
        private let signal: (number: Int32, call: Int)?
        private let log: Int32?

        private init() {
            func value(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
            let words = value("CAKE_TEST_SIGNAL")?.split(separator: "@") ?? []
            if words.count == 2, let number = Int32(words[0]), let call = Int(words[1]) {
                signal = (number, call)
            } else {
                signal = nil
            }
            log = value("CAKE_TEST_CALLS").map { unsafe open($0, O_WRONLY | O_APPEND | O_CLOEXEC) }
        }

        func count() {
            guard signal != nil || log != nil else { return }
            let number = calls.add(1, ordering: .relaxed).newValue
            if let log {
                var mark = UInt8(ascii: ".")
                _ = unsafe write(log, &mark, 1)
            }
            if let signal, signal.call == number { kill(getpid(), signal.number) }
        }
    }
#endif
