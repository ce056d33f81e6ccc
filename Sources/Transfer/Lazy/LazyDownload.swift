internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// Brings a Hub's file as far as it is read, into the same parts that a pull fills: the pull goes on from there.
final class LazyDownload: LazySource {
    private struct State {
        var stage = Stage.closed
        var ranges: LazyRanges
        var connections = 0
        /// By the first byte of their run.
        var running: [UInt64: Running] = [:]
        /// How often readers asked for something: if it has not changed, nothing was read meanwhile.
        var uses = 0
        var opening: Task<Void, Never>?
        /// Whether all of it was right when its parts were let go.
        var wasRight = false
        /// Some of its parts are gone.
        var isLost = false
        /// What was learned when it was opened first.
        var known: LazyPlan?
        /// How often it came whole and was wrong.
        var failures = 0
    }

    private struct Running {
        let run: Range<UInt64>
        let task: Task<Bool, any Error>
        /// When its last bytes came.
        var latest = ContinuousClock.now
    }

    private enum Stage {
        case closed
        case opening
        case open(LazyHub.Opened)
        /// In the store, or broken at its source: nothing more to do.
        case over
    }

    let hub: LazyHub
    private let listed: SnapshotFile
    private let state: Mutex<State>

    /// A request that brings nothing for this long is stuck.
    private static let stall = Duration.seconds(1)
    /// After this time without a read, other processes may have the parts.
    private static let rest = Duration.seconds(2)

    init(_ listed: SnapshotFile, of hub: LazyHub) {
        (self.listed, self.hub) = (listed, hub)
        state = Mutex(State(ranges: LazyRanges(of: listed.size)))
    }

    var model: ModelName { hub.name }
    let bringsAll = false

    func want(_ range: Range<UInt64>, isUrgent: Bool, of file: LazyFile) {
        let (isBroken, isClosed) = state.withLock { state in
            state.uses += 1
            switch state.stage {
            case .over: return (state.failures > 1, false)
            case .closed:
                state.ranges.want(range, isUrgent: isUrgent)
                state.stage = .opening
                return (false, true)
            case .opening, .open:
                state.ranges.want(range, isUrgent: isUrgent)
                return (false, false)
            }
        }
        if isBroken { return file.failed(broken(isTwice: true)) }
        if isClosed { hub.shared.work.start { await self.beginOpening(file) } } else { startConnections(for: file) }
    }

    private func beginOpening(_ file: LazyFile) async {
        while true {
            let opening = Task(executorPreference: hub.shared.store.pool) { await self.open(file) }
            state.withLock { $0.opening = opening }
            await opening.valueUnlessCancelled()
            // Ended for a reader that waited too long: others may wait.
            if opening.isCancelled, !Task.isCancelled { continue }
            return state.withLock { state in if state.opening == opening { state.opening = nil } }
        }
    }

    private func open(_ file: LazyFile) async {
        do {
            let (known, failures) = state.withLock { ($0.known, $0.failures) }
            switch try await hub.open(listed, knowing: known, mayCopy: failures == 0) {
            case .stored(let layers):
                state.withLock { $0.stage = .over }
                file.has(.layers(layers))
            case .coming(let opened):
                let isRight = state.withLock { state in
                    (state.stage, state.known) = (.open(opened), opened.plan)
                    state.ranges.begin(having: opened.here)
                    state.wasRight = state.wasRight && state.ranges.isWhole
                    return state.wasRight
                }
                if isRight, opened.begins() {
                    opened.ends()
                    opened.file.fetching.keepParts()
                }
                file.has(.coming(opened.file), isRight: isRight)
                startConnections(for: file)
                checkIfWhole(file)
                hub.shared.work.start { await self.closeWhenIdle(opened, file) }
            }
        } catch {
            if Task.isCancelled, !hub.shared.isStopped { return }
            state.withLock { state in
                state.stage = .closed
                state.ranges.forgetWishes()
            }
            file.failed(LazyHub.words(error))
        }
    }

    /// As many as the missing bytes are worth.
    private func startConnections(for file: LazyFile) {
        while true {
            let opened = state.withLock { state -> LazyHub.Opened? in
                guard case .open(let opened) = state.stage else { return nil }
                let most = opened.remote?.comesWhole == true ? 1 : LazyRanges.mostConnections
                guard state.connections < most, state.ranges.isWorth(another: state.connections),
                    hub.shared.takeConnection(having: state.connections)
                else { return nil }
                state.connections += 1
                return opened
            }
            guard let opened else { return }
            hub.shared.work.start {
                await self.bring(opened, file)
                self.hub.shared.giveBackConnection()
                self.checkIfWhole(file)
            }
        }
    }

    /// One connection, until nothing is wanted.
    private func bring(_ opened: LazyHub.Opened, _ file: LazyFile) async {
        guard case .parts(let parts, let source) = opened.file.fetching.bytes else { return }
        while let run = next(opened) {
            let task = Task(executorPreference: hub.shared.store.pool) { [self] in
                try await source.bring(run, into: parts, at: run.lowerBound) { bytes in
                    state.withLock { state in
                        state.ranges.arrived(bytes)
                        state.running[run.lowerBound]?.latest = .now
                    }
                    hub.shared.fetched(bytes.length)
                    file.arrived(bytes)
                }
            }
            state.withLock { $0.running[run.lowerBound] = Running(run: run, task: task) }
            do {
                _ = try await task.valueUnlessCancelled()
                state.withLock { $0.running[run.lowerBound] = nil }
            } catch {
                let isLate = task.isCancelled && !Task.isCancelled
                state.withLock { state in
                    state.running[run.lowerBound] = nil
                    state.ranges.stopped(run, asksAgain: isLate)
                    if !isLate { state.connections -= 1 }
                }
                if !isLate { return file.failed(LazyHub.words(error)) }
            }
        }
    }

    /// Nil ends the connection.
    private func next(_ opened: LazyHub.Opened) -> Range<UInt64>? {
        state.withLock { state in
            let run = state.ranges.next(comesWhole: opened.remote?.comesWhole == true)
            if run == nil { state.connections -= 1 }
            return run
        }
    }

    func isLate(at position: UInt64) {
        let (opening, task) = state.withLock { state in
            let stuck = state.running.values.first {
                $0.run.contains(position) && .now - $0.latest > LazyDownload.stall
            }
            return (state.opening, stuck?.task)
        }
        opening?.cancel()
        task?.cancel()
    }

    /// When the last byte is here the file is hashed, as at the end of a pull.
    private func checkIfWhole(_ file: LazyFile) {
        let opened = state.withLock { state -> LazyHub.Opened? in
            guard case .open(let opened) = state.stage, state.connections == 0, state.ranges.isWhole, opened.begins()
            else { return nil }
            return opened
        }
        guard let opened else { return }
        hub.shared.work.start {
            do {
                if try await self.hub.matches(opened) {
                    self.state.withLock { $0.wasRight = true }
                    file.isRight(opened.file)
                    // Nothing will be written to its parts.
                    opened.file.fetching.keepParts()
                } else {
                    try self.wasWrong(opened, file)
                }
                opened.ends()
            } catch {
                // Bytes that cannot be read now may be read later: nothing is known.
                opened.ends()
                file.failed(LazyHub.words(error))
                self.isLost(file)
            }
        }
    }

    private func wasWrong(_ opened: LazyHub.Opened, _ file: LazyFile) throws {
        let isTwice = state.withLock { state in
            state.failures += 1
            (state.stage, state.known, state.wasRight) = (state.failures > 1 ? .over : .closed, nil, false)
            state.ranges = LazyRanges(of: listed.size)
            return state.failures > 1
        }
        try opened.file.fetching.discardParts()
        hub.shared.told(.wrong(hub.name, listed.path))
        file.wasWrong(broken(isTwice: isTwice))
    }

    private func broken(isTwice: Bool) -> CakeError {
        let times = isTwice ? ", although it was downloaded twice" : ""
        return CakeError(
            .damaged, "\(listed.path) does not match the hash that \(hub.source.routes) published\(times)",
            fix: isTwice ? "the publisher's file or a proxy is broken" : "close the file, and open it again")
    }

    func isLost(_ file: LazyFile) {
        let opened = state.withLock { state -> LazyHub.Opened? in
            guard case .open(let opened) = state.stage else { return nil }
            state.isLost = true
            return opened
        }
        if let opened { _ = close(opened, file) { _ in true } }
    }

    /// A pull in another process waits for the parts.
    private func closeWhenIdle(_ opened: LazyHub.Opened, _ file: LazyFile) async {
        var uses = -1
        while true {
            let isClosed = close(opened, file) { state in
                defer { uses = state.uses }
                return uses == state.uses || state.isLost
            }
            if isClosed { return }
            do { try await Task.sleep(for: LazyDownload.rest) } catch { return }
        }
    }

    /// Gives up the parts, unless they are being filled or hashed. The next read looks again what is in them. Returns whether they are not open any more.
    private func close(_ opened: LazyHub.Opened, _ file: LazyFile, if isMeant: (State) -> Bool) -> Bool {
        let (isOver, isNow) = state.withLock { state in
            guard case .open(let now) = state.stage, now === opened else { return (true, false) }
            guard isMeant(state), state.connections == 0, !opened.isBeingChecked else { return (false, false) }
            (state.stage, state.isLost, state.ranges) = (.closed, false, LazyRanges(of: listed.size))
            opened.file.fetching.keepParts()
            return (true, true)
        }
        if isNow { file.left(opened.file) }
        return isOver
    }
}
