internal import Model
internal import Network
internal import Platform
internal import Synchronization

extension Mirrors {
    /// From when on a mirror is slow: fewer than these in a second of the time that it was waited for.
    private static let leastBytesPerSecond = 64.0 * 1024
    /// The number of bytes that show a mirror's rate.
    private static let telling = 256 << 10

    /// Watches one run from one mirror.
    final class Watch: RunWatch {
        private let mirrors: Mirrors
        private let number: Int
        private let count: Int
        /// The mirrors that have the run's file.
        private let fit: [Int]
        private let state = Mutex((came: 0, waited: Duration.zero))

        init(_ mirrors: Mirrors, _ number: Int, of count: Int, among fit: [Int]) {
            self.mirrors = mirrors
            self.number = number
            self.count = count
            self.fit = fit
        }

        /// A run that is released before its end counts as well.
        deinit { tell() }

        /// A failure is the mirror's: the next request goes to another server.
        func next(of exchange: HTTPExchange) async throws -> Chunk? {
            if isSlow || isOutrun {
                if isSlow { mirrors.leave(number) }
                tell()
                throw TransientFailure(CakeError(.network, "\(mirrors.sources[number].routes) is too slow"))
            }
            let start = ContinuousClock.now
            do {
                let chunk = try await TransientFailure.naming { try await exchange.next() }
                let count = chunk?.count ?? 0
                mirrors.received.add(UInt64(count), ordering: .relaxed)
                let isShort = state.withLock { state in
                    state.came += count
                    state.waited += .now - start
                    return chunk == nil && state.came < self.count
                }
                if isShort { mirrors.leave(number) }
                return chunk
            } catch {
                mirrors.leave(number)
                throw error
            }
        }

        private var isSlow: Bool {
            let (came, waited) = state.withLock { $0 }
            return waited > mirrors.patience && Double(came) < waited / .seconds(1) * Mirrors.leastBytesPerSecond
        }

        /// Where they are raced.
        private var isOutrun: Bool {
            let (came, waited) = state.withLock { $0 }
            guard waited > mirrors.patience / 5 else { return false }
            let others = fit.filter { !mirrors.rests($0) }
            let rate = Double(came) / (waited / .seconds(1))
            return mirrors.race.withLock { $0?.isOutrun(number, at: rate, among: others) ?? false }
        }

        private func tell() {
            let (came, waited) = state.withLock { $0 }
            guard came >= Mirrors.telling || waited > mirrors.patience / 5 else { return }
            let rate = Double(came) / max(waited / .seconds(1), 0.001)
            mirrors.race.withLock { $0?.brought(number, bytesPerSecond: rate) }
        }
    }
}
