internal import Model
internal import Platform
internal import Remote
internal import Store

/// Bytes of packs arrive, and whole members become objects of the store.
extension RegistryPull {
    /// `took` is called for each verified member, `published` for layers that can be read from now on. Returns the
    /// downloaded and the stored bytes.
    func bring(
        _ work: [PackWork], _ operation: Operation, took: @escaping @Sendable () -> Void,
        published: @escaping @Sendable (Set<Digest>) -> Void = { _ in }
    ) async throws -> (fetched: UInt64, stored: UInt64) {
        let finished = FinishedUnits()
        defer { finished.end() }
        let comesWhole = try await comesWhole(work.first)
        let files = work.enumerated().map { number, pack in
            FetchingFile(
                .parts(pack.parts, pack.source), size: pack.pack.size,
                wanted: RangeSet(RegistryPull.runs(of: pack.members, comingWhole: comesWhole).map(\.bytes)),
                units: units(of: pack.members, comingWhole: comesWhole), comesWhole: comesWhole,
                onWhole: finished.of(file: number))
        }
        let missing = files.reduce(UInt64(0)) { $0 + $1.missing }
        let all = work.reduce(UInt64(0)) { $0 + $1.members.reduce(0) { $0 + $1.length } }
        if all > missing {
            progress.had(bytes: all - missing)
        } else {
            progress.expect(bytes: missing - all)
        }
        try store.refuseIfTooSmall(forFetching: missing + all)
        let fetch = Fetch(
            files, connections: options.mostConnections, bytesPerSecond: options.bytesPerSecond, pool: store.pool,
            telling: progress)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: options.publishStep)
        var converter = ObjectsOfPacks(self, work, operation, took: took, published: published)
        var stored = try await intake(
            fetch, finished, count: work.reduce(0) { $0 + $1.members.count }, by: &converter, beside: {}
        ).stored
        stored += try intake.publish(by: &converter)
        return (missing, stored)
    }

    /// Whether the registry ignores ranges. Asked before many requests at once, each of which would bring a whole pack.
    private func comesWhole(_ work: PackWork?) async throws -> Bool {
        guard let work else { return false }
        return try await TransientFailure.retrying {
            _ = try await work.source.open(0..<1)
            return work.source.comesWhole
        }
    }

    /// A member is complete together with the bytes that came before it: when all are, nothing more is on its way.
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
}

/// Keeps members of packs as objects, each decoded and compared with its layer's name. Deltas wait for bases that are
/// still to come. Parts of packs whose members are all published are removed to free space.
private struct ObjectsOfPacks: Converter {
    private let pull: RegistryPull
    private let work: [RegistryPull.PackWork]
    private let operation: Operation
    private let took: @Sendable () -> Void
    private let published: @Sendable (Set<Digest>) -> Void
    private var proved: ProvedMembers
    /// Bases that are still to come.
    private var coming: Set<Digest>
    /// Bases that no delta can be read beside yet: one that came is of use when it is published.
    private var unpublished: Set<Digest>
    private var adopted: Set<Digest> = []
    /// Members of each pack that were not taken yet.
    private var left: [Int]
    private var done: [Int] = []

    init(
        _ pull: RegistryPull, _ work: [RegistryPull.PackWork], _ operation: Operation,
        took: @escaping @Sendable () -> Void,
        published: @escaping @Sendable (Set<Digest>) -> Void
    ) {
        (self.pull, self.work, self.operation) = (pull, work, operation)
        (self.took, self.published) = (took, published)
        proved = pull.store.provedMembers(at: pull.remote.repository.client.routes, forgotten: true)
        let members = work.flatMap(\.members)
        coming = Set(members.filter { $0.base == nil }.map(\.layer.digest)).intersection(members.compactMap(\.base))
        unpublished = coming
        left = work.map(\.members.count)
    }

    func waits(_ unit: FinishedUnit) -> Bool { member(unit).base.map(unpublished.contains) ?? false }

    private func member(_ unit: FinishedUnit) -> PackIndex.Member { work[unit.file].members[unit.unit] }

    var convert: @Sendable (FinishedUnit) async throws -> LocalStore.Adopted {
        let kinds = pull.remote.model.kinds
        return { [pull, work, operation, took] unit in
            let (pack, member) = (work[unit.file], work[unit.file].members[unit.unit])
            do {
                let adopted = try await pull.store.verifyAndKeep(
                    member.layer, pack.parts.plain(member.bytes), base: member.base, kind: kinds[member.layer.digest],
                    in: operation)
                took()
                return adopted
            } catch let error as CakeError where error.kind == .damaged {
                // The next try downloads it again.
                try? pack.parts.remove()
                throw CakeError(
                    .damaged, "\(pack.source.label) from \(pull.remote.repository.host): \(error.what)",
                    fix: "run it again; if the error stays, the pushed model is broken: push it again")
            }
        }
    }

    mutating func take(_ object: LocalStore.Adopted, of unit: FinishedUnit) throws -> Bool {
        try object.add(to: operation)
        let layer = member(unit).layer.digest
        proved.add(member(unit), in: work[unit.file].pack.digest)
        adopted.insert(layer)
        left[unit.file] -= 1
        if left[unit.file] == 0 { done.append(unit.file) }
        return coming.remove(layer) != nil && coming.isEmpty
    }

    mutating func settle() throws {
        published(adopted)
        rememberProved()
        for number in done { try work[number].parts.remove() }
        (adopted, done, unpublished) = ([], [], coming)
    }

    mutating func failed() { rememberProved() }

    /// It is derived: a push proves missing entries again.
    private mutating func rememberProved() { if pull.options.remembers { try? proved.save() } }
}
