#if Mount
    internal import CMount
    internal import Glibc
    internal import Platform
    internal import Synchronization

    /// A read of the kernel, which is answered once: by its bytes, or because its program is being killed.
    @safe final class Request: @unchecked Sendable {
        private let request: UnsafeMutableRawPointer?
        private let waiting: WaitingRequests
        private let isAnswered = Atomic(false)
        private let number = Atomic<UInt64>(0)

        init(_ request: UnsafeMutableRawPointer?, among waiting: WaitingRequests) {
            unsafe self.request = request
            self.waiting = waiting
        }

        /// To be called before anything else may answer: the answer frees the kernel's request.
        func mayBeInterrupted() {
            guard number.load(ordering: .relaxed) == 0 else { return }
            let number = waiting.add(self)
            self.number.store(number, ordering: .relaxed)
            unsafe cake_hear_interrupt(request, number)
        }

        func end(_ end: OpenFile.End) {
            switch end {
            case .bytes(let answer):
                guard isFirst() else { return }
                let places = unsafe answer.runs.map { run in
                    unsafe iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: run.chunk.address(of: run.range.lowerBound)),
                        iov_len: run.range.count)
                }
                withExtendedLifetime(answer) {
                    unsafe places.withUnsafeBufferPointer {
                        unsafe cake_reply_bytes(request, $0.baseAddress, Int32($0.count))
                    }
                }
            case .unreadable: fail(EIO)
            }
        }

        func fail(_ number: Int32) { if isFirst() { unsafe cake_reply_error(request, number) } }

        private func isFirst() -> Bool {
            guard isAnswered.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
                return false
            }
            let number = number.load(ordering: .relaxed)
            if number != 0 { waiting.remove(number) }
            return true
        }
    }

    /// The reads that wait for a server. The kernel tells of their interruption by a number: one that was answered
    /// meanwhile has none any more.
    final class WaitingRequests: Sendable {
        private struct State {
            var requests: [UInt64: Request] = [:]
            var last: UInt64 = 0
        }

        private let state = Mutex(State())

        func add(_ request: Request) -> UInt64 {
            state.withLock { state in
                state.last += 1
                state.requests[state.last] = request
                return state.last
            }
        }

        func remove(_ number: UInt64) { state.withLock { _ = $0.requests.removeValue(forKey: number) } }

        func interrupt(_ number: UInt64) { state.withLock { $0.requests[number] }?.fail(EINTR) }
    }
#endif
