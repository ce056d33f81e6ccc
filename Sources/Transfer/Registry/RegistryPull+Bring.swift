internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// Two things at once: bytes arrive, and whole members become objects of the store.
extension RegistryPull {
    struct Whole: Sendable {
        let pack: Int
        let member: Int
    }

    /// `took` hears of each member that was found to be right, `published` of layers that may be read from now on.
    func bring(
        _ work: [PackWork], _ operation: Operation, took: @escaping @Sendable () -> Void,
        published: @escaping @Sendable (Set<Digest>) -> Void = { _ in }
    ) async throws -> (fetched: UInt64, stored: UInt64) {
        let (wholes, continuation) = AsyncStream.makeStream(of: Whole.self)
        defer { continuation.finish() }
        let comesWhole = try await comesWhole(work.first)
        let incoming = work.indices.map { number in
            let (pack, parts) = (work[number], work[number].parts)
            let runs = parts.runs
            let arrivals = Arrivals(
                units(of: pack.members, comingWhole: comesWhole), having: runs,
                onWhole: { continuation.yield(Whole(pack: number, member: $0)) })
            let gaps = gaps(of: pack, number, having: runs, comingWhole: comesWhole)
            return Incoming(gaps: gaps, place: (parts, pack.source), arrivals: arrivals)
        }
        let missing = incoming.reduce(UInt64(0)) { $0 + $1.gaps.reduce(0) { $0 + $1.bytes.length } }
        let all = work.reduce(UInt64(0)) { $0 + $1.members.reduce(0) { $0 + $1.length } }
        if all > missing {
            progress.had(bytes: all - missing)
        } else {
            progress.expect(bytes: missing - all)
        }
        try store.refuseIfTooSmall(forFetching: missing + all)
        let fetch = Fetch(
            files: incoming, progress: progress, mostConnections: options.mostConnections, pool: store.pool,
            throttle: options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) })
        var stored: UInt64 = 0
        try await withThrowingTaskGroup(of: UInt64.self) { group in
            group.addTask {
                try await fetch()
                return 0
            }
            group.addTask { try await adopt(work, wholes, operation, took, published) }
            do {
                for try await bytes in group { stored += bytes }
            } catch {
                continuation.finish()
                throw error
            }
        }
        return (missing, stored)
    }

    /// Whether the registry ignores ranges. Asked before many are asked for at once, each of which would bring a whole pack.
    private func comesWhole(_ work: PackWork?) async throws -> Bool {
        guard let work else { return false }
        return try await TransientFailure.retrying {
            _ = try await work.source.open(0..<1)
            return work.source.comesWhole
        }
    }

    /// A member is whole together with what was fetched along before it: when all are, nothing more is on its way.
    private func units(of members: [PackIndex.Member], comingWhole: Bool) -> [Range<UInt64>] {
        var units: [Range<UInt64>] = []
        for member in members {
            var start = member.offset
            if let last = units.last, comingWhole || start - last.upperBound <= RegistryPull.bridged {
                start = last.upperBound
            }
            units.append(start..<member.offset + member.length)
        }
        return units
    }

    /// Runs of a pack that are wanted and not in its parts.
    private func gaps(
        of work: PackWork, _ number: Int, having: [Range<UInt64>], comingWhole: Bool
    ) -> [RemoteSpan] {
        var gaps: [RemoteSpan] = []
        func add(_ bytes: Range<UInt64>) {
            gaps.append(RemoteSpan(file: number, bytes: bytes, isIndivisible: comingWhole))
        }
        for run in RegistryPull.runs(of: work.members, comingWhole: comingWhole) {
            var position = run.bytes.lowerBound
            for held in having where held.upperBound > position && held.lowerBound < run.bytes.upperBound {
                if position < held.lowerBound { add(position..<held.lowerBound) }
                position = max(position, held.upperBound)
            }
            if position < run.bytes.upperBound { add(position..<run.bytes.upperBound) }
        }
        return gaps
    }

    /// Deltas wait for bases that are still to come. Returns the bytes at rest.
    private func adopt(
        _ work: [PackWork], _ wholes: AsyncStream<Whole>, _ operation: Operation,
        _ took: @escaping @Sendable () -> Void, _ published: @Sendable (Set<Digest>) -> Void
    ) async throws -> UInt64 {
        var left = work.reduce(0) { $0 + $1.members.count }
        guard left > 0 else { return 0 }
        let kinds = remote.model.kinds
        var coming = Set(work.flatMap(\.members).filter { $0.base == nil }.map(\.layer.digest))
        coming.formIntersection(work.flatMap(\.members).compactMap(\.base))
        /// Bases that no delta can be read beside yet: one that came is of use when it is published.
        var unpublished = coming
        var ready: [Whole] = []
        var waiting: [Whole] = []
        var settling = Settling(work)
        var stored: UInt64 = 0
        var adopted: Set<Digest> = []
        var proved = store.provedMembers(at: remote.repository.client.routes, forgotten: true)
        // It is derived, and what it lacks is proved anew by a push.
        defer { if options.remembers { try? proved.save() } }
        func waits(_ whole: Whole) -> Bool {
            work[whole.pack].members[whole.member].base.map(unpublished.contains) ?? false
        }
        func publish() throws {
            stored += try operation.publish(telling: progress)
            published(adopted)
            adopted = []
            try settling.settle()
            unpublished = coming
            let all = waiting
            waiting = []
            for whole in all { if waits(whole) { waiting.append(whole) } else { ready.append(whole) } }
        }
        try await withThrowingTaskGroup(of: (Whole, LocalStore.Adopted).self) { group in
            var active = 0
            func start(_ whole: Whole) {
                active += 1
                let pack = work[whole.pack]
                let member = pack.members[whole.member]
                group.addTask(executorPreference: store.pool) {
                    do {
                        let adopted = try await store.verifyAndKeep(
                            member.layer, pack.parts.plain(member.bytes),
                            base: member.base, kind: kinds[member.layer.digest], in: operation)
                        took()
                        return (whole, adopted)
                    } catch let error as CakeError where error.kind == .damaged {
                        // The next try is to fetch it anew.
                        try? pack.parts.remove()
                        throw CakeError(
                            .damaged, "\(pack.source.label) from \(remote.repository.host): \(error.what)",
                            fix: "run it again; if it stays so, what was pushed is broken: push it again")
                    }
                }
            }
            func take(_ found: (Whole, LocalStore.Adopted)) throws {
                let (done, object) = found
                try object.add(to: operation)
                active -= 1
                left -= 1
                settling.adopted(done)
                let member = work[done.pack].members[done.member]
                let layer = member.layer.digest
                proved.add(member, in: work[done.pack].pack.digest)
                adopted.insert(layer)
                if coming.remove(layer) != nil, coming.isEmpty {
                    try publish()
                } else if operation.pendingBytes >= options.publishStep {
                    try publish()
                }
            }
            func run(_ whole: Whole) async throws {
                while active > BlockingPool.processors, let done = try await group.next() { try take(done) }
                start(whole)
            }
            do {
                for await whole in wholes {
                    if waits(whole) { waiting.append(whole) } else { try await run(whole) }
                    while let next = ready.popLast() { try await run(next) }
                    if left == active + waiting.count + ready.count { break }
                }
                while left > 0 {
                    while let next = ready.popLast() { try await run(next) }
                    guard let done = try await group.next() else { break }
                    try take(done)
                }
            } catch {
                // What was found to be right meanwhile is kept, and in nobody's way who brings it otherwise.
                while let result = await group.nextResult() {
                    if case .success(let found) = result { try? found.1.add(to: operation) }
                }
                throw error
            }
        }
        try publish()
        return stored
    }

    /// Parts of packs whose members are all published make room.
    private struct Settling {
        private let work: [PackWork]
        private var left: [Int]
        private var done: [Int] = []

        init(_ work: [PackWork]) {
            self.work = work
            left = work.map(\.members.count)
        }

        mutating func adopted(_ whole: Whole) {
            left[whole.pack] -= 1
            if left[whole.pack] == 0 { done.append(whole.pack) }
        }

        /// Right after publishing.
        mutating func settle() throws(CakeError) {
            for number in done { try work[number].parts.remove() }
            done = []
        }
    }
}
