internal import Model
internal import Network
internal import Platform
internal import Synchronization

/// Watches one run from a server of the ring, which is passed over when it sends nothing, or too little.
final class PeerWatch: RunWatch {
    /// From when on a server is slow: fewer than these in a second of the time that it was waited for.
    private static let leastBytesPerSecond = 64.0 * 1024

    private let copies: PeerCopies
    private let server: PeerServer
    private let copy: HubFile
    private let range: Range<UInt64>
    private struct State {
        /// Bytes of the run.
        var came: UInt64 = 0
        /// What the server had sent in all when it was last looked at.
        var seen: UInt64
        /// The time since then that it was waited for.
        var waited = Duration.zero
        /// So long it was slow while its line was full.
        var crowded = Duration.zero
    }

    private let state: Mutex<State>

    init(_ copies: PeerCopies, _ server: PeerServer, _ copy: HubFile, _ range: Range<UInt64>) {
        (self.copies, self.server, self.copy, self.range) = (copies, server, copy, range)
        state = Mutex(State(seen: server.bytes))
    }

    func next(of exchange: HTTPExchange) async throws -> Chunk? {
        do {
            let chunk = try await chunk(of: exchange)
            let count = UInt64(chunk?.count ?? 0)
            copies.came(Int(count), from: server)
            let came = state.withLock { state in
                state.came += count
                return state.came
            }
            if came >= UInt64(range.count) { server.succeeded() }
            if chunk == nil, came < UInt64(range.count) { throw CakeError(.network, "it ended an answer early") }
            return chunk
        } catch {
            try Task.checkCancellation()
            copies.leave(server, copy, PeerServer.words(for: error))
            var failure = TransientFailure(CakeError(.network, "\(server.origin.authority) is passed over"))
            failure.isElsewhere = true
            throw failure
        }
    }

    private func chunk(of exchange: HTTPExchange) async throws -> Chunk? {
        if let chunk = exchange.ready() { return chunk }
        let start = ContinuousClock.now
        let chunk = try await copies.waiting(
            for: copy, on: server, at: { self.position }, { try await exchange.next() })
        let isLate = state.withLock { state in
            state.waited += .now - start
            return state.waited > copies.patience.usual
        }
        if isLate, await isSlow() { throw CakeError(.network, "it is too slow") }
        return chunk
    }

    private var position: UInt64 { min(range.lowerBound + state.withLock { $0.came }, range.upperBound - 1) }

    private func isSlow() async -> Bool {
        let (bytes, waited) = state.withLock { state in
            let all = server.bytes
            defer { (state.seen, state.waited) = (all, .zero) }
            return (all - state.seen, state.waited)
        }
        let isSlow = Double(bytes) < waited / .seconds(1) * PeerWatch.leastBytesPerSecond
        guard isSlow else {
            state.withLock { $0.crowded = .zero }
            return false
        }
        switch await copies.reason(copy, server, position) {
        case .waits:
            state.withLock { $0.crowded = .zero }
            return false
        case .unknown: return true
        // An answer may be lost on a full line, too. Bytes show that it is there.
        case .silent where bytes == 0: return true
        case .sends, .silent:
            // One second tells little about a full line.
            return state.withLock { state in
                state.crowded += waited
                return state.crowded >= copies.patience.longest
            }
        }
    }
}
