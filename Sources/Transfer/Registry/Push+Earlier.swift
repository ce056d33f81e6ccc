internal import Model
internal import Platform
internal import Remote
internal import Store

extension Push {
    /// Tags of one repository whose indexes are read.
    private static let mostTags = 16
    private static let questionsAtOnce = 8

    /// The layers that are there already, and in which repository.
    struct Earlier: Sendable {
        let target: RepositoryName
        var indexes: [PackIndex] = []
        /// The repository of a pack that is not in the target.
        var places: [Digest: RepositoryName] = [:]
        var own: Set<Digest> = []
        /// Own packs that were found to be there.
        var seen: Set<Digest> = []
        var mounted: Set<Digest> = []
        /// Packs that are left out.
        var refused: [Digest: Refusal] = [:]

        struct Refusal: Sendable {
            let repository: RepositoryName
            /// Nil if the registry does not allow the mount: the pack itself is fine.
            let why: CakeError?
        }

        /// In the order of their names.
        func counts(of packs: [PackIndex.Pack]) -> [Count] {
            var counts: [RepositoryName: Int] = [:]
            for pack in packs where !own.contains(pack.digest) {
                if let place = places[pack.digest] { counts[place, default: 0] += 1 }
            }
            return counts.sorted { $0.key < $1.key }.map { Count(repository: $0.key, packs: $0.value) }
        }

        var refusedCounts: [Count] {
            var counts: [Count] = []
            for refusal in refused.values {
                guard let why = refusal.why else { continue }
                let isMissing = why.kind == .notFound
                if let known = counts.firstIndex(where: {
                    $0.repository == refusal.repository && $0.isMissing == isMissing
                }) {
                    let packs = counts[known].packs + 1
                    counts[known] = Count(repository: refusal.repository, packs: packs, isMissing: isMissing)
                } else {
                    counts.append(Count(repository: refusal.repository, packs: 1, isMissing: isMissing))
                }
            }
            return counts.sorted { ($0.repository, $0.isMissing ? 1 : 0) < ($1.repository, $1.isMissing ? 1 : 0) }
        }
    }

    /// Of another repository only packs that are no secret are taken: all of them if a person named it, or if it can be
    /// read without a login; else packs that contain only this model's layers.
    func earlier() async throws -> Earlier {
        var earlier = Earlier(target: target.name)
        let layers = Set(manifest.layers.map(\.digest))
        for repository in [target] + others {
            let isOwn = repository.name == target.name
            var isFree = isOwn || options.bases.contains(repository.name)
            var wasAsked = isFree
            let tags = try await repository.tags()
            let chosen = tags.filter { $0 == tag } + tags.filter { $0 != tag }.reversed().prefix(Push.mostTags)
            for tag in chosen {
                guard var index = try await RemoteArtifact.index(.tag(tag), in: repository) else { continue }
                if !wasAsked {
                    isFree = try await repository.isPublic(.tag(tag))
                    wasAsked = true
                }
                if !isFree { index = try index.part(whollyOf: layers) }
                earlier.indexes.append(index)
                for pack in index.packs {
                    if isOwn {
                        earlier.own.insert(pack.digest)
                    } else if earlier.places[pack.digest] == nil {
                        earlier.places[pack.digest] = repository.name
                    }
                }
            }
        }
        return earlier
    }

    /// Plans, and plans again until all reused packs are there, match their index, and can be mounted.
    func settle(
        _ earlier: inout Earlier, _ proved: inout ProvedMembers, in operation: Operation
    ) async throws -> Layout {
        while true {
            let layout = try layout(earlier)
            var refused = try await missing(layout.plan.reused, &earlier)
            if refused.isEmpty { refused = try await unprovable(layout.plan, earlier, &proved, in: operation) }
            if refused.isEmpty { refused = try await unmounted(layout.plan.reused, &earlier) }
            if refused.isEmpty { return layout }
            earlier.refused.merge(refused) { old, _ in old }
        }
    }

    /// A registry may have lost a pack that its manifests name, or know that it is damaged.
    private func missing(
        _ packs: [PackIndex.Pack], _ earlier: inout Earlier
    ) async throws -> [Digest: Earlier.Refusal] {
        let asked = packs.filter { earlier.own.contains($0.digest) && !earlier.seen.contains($0.digest) }
        let problems = try await sideBySide(asked.count, atOnce: Push.questionsAtOnce, on: store.pool) {
            number -> CakeError? in
            do {
                if try await target.has(BlobName(asked[number].digest), size: asked[number].size) { return nil }
                return CakeError(.notFound, "it is not there")
            } catch let error as CakeError where error.kind == .damaged { return error }
        }
        var refused: [Digest: Earlier.Refusal] = [:]
        for (pack, problem) in zip(asked, problems) {
            if let problem {
                refused[pack.digest] = Earlier.Refusal(repository: target.name, why: problem)
            } else {
                earlier.seen.insert(pack.digest)
            }
        }
        return refused
    }

    func unproved(_ taken: [PackPlan.Taken], knowing proved: ProvedMembers) -> [PackPlan.Taken] {
        taken.filter { !proved.contains($0.member, in: $0.pack.digest) }
    }

    private func unprovable(
        _ plan: PackPlan, _ earlier: Earlier, _ proved: inout ProvedMembers, in operation: Operation
    ) async throws -> [Digest: Earlier.Refusal] {
        let unproved = unproved(plan.taken, knowing: proved)
        guard !unproved.isEmpty else { return [:] }
        progress.begin("checking \(unproved.count) \(unproved.count == 1 ? "layer" : "layers") already in the registry")
        var bases: [Digest: PackPlan.Taken] = [:]
        for one in plan.taken where one.member.base == nil { bases[one.member.layer.digest] = one }
        let findings = try await proof(of: unproved.map(\.member.layer), earlier, in: operation)(
            unproved, beside: bases)
        var refused: [Digest: Earlier.Refusal] = [:]
        for finding in findings {
            for one in finding.proved { proved.add(one.member, in: one.pack.digest) }
            guard let why = finding.why else { continue }
            for pack in finding.suspects.union([finding.pack.digest]) {
                refused[pack] = Earlier.Refusal(repository: earlier.places[pack] ?? target.name, why: why)
            }
        }
        // It is derived: a push does not fail for it.
        try? proved.save()
        return refused
    }

    private func proof(
        of layers: [Layer], _ earlier: Earlier, in operation: Operation
    ) throws(CakeError) -> MemberProof {
        var here: Set<Digest> = []
        for layer in layers where try store.contains(layer) { here.insert(layer.digest) }
        let target = target
        let places = earlier.places.filter { !earlier.own.contains($0.key) }
        return MemberProof(
            store: store, operation: operation, readsAll: options.provesAll, own: here, throttle: throttle
        ) { pack in
            places[pack].map { RemoteRepository(target.client, $0) } ?? target
        }
    }

    /// A registry may keep damaged bytes of a blob, and take no others for it.
    func checkReplaced(_ made: [Made], _ refused: Set<Digest>, in operation: Operation) async throws {
        let replaced = made.filter { refused.contains($0.pack.digest) }
        guard !replaced.isEmpty else { return }
        let taken = replaced.flatMap { one in one.members.map { PackPlan.Taken(pack: one.pack, member: $0) } }
        var bases: [Digest: PackPlan.Taken] = [:]
        for one in taken where one.member.base == nil { bases[one.member.layer.digest] = one }
        let proof = try proof(of: taken.map(\.member.layer), Earlier(target: target.name), in: operation)
        for finding in try await proof(taken, beside: bases) {
            guard let why = finding.why else { continue }
            throw CakeError(
                .damaged,
                "\(target.host) keeps damaged bytes of pack \(finding.pack.digest.short) and does not replace them: \(why.what)",
                fix: "delete that blob on the registry, or push to another repository")
        }
    }

    /// Packs that the registry does not mount: they have to be sent.
    private func unmounted(
        _ packs: [PackIndex.Pack], _ earlier: inout Earlier
    ) async throws -> [Digest: Earlier.Refusal] {
        for pack in packs where !earlier.own.contains(pack.digest) && !earlier.mounted.contains(pack.digest) {
            guard let place = earlier.places[pack.digest] else {
                return [pack.digest: Earlier.Refusal(repository: target.name, why: nil)]
            }
            guard try await target.mount(BlobName(pack.digest), from: place) else {
                let others = packs.map(\.digest).filter { earlier.places[$0] == place && !earlier.own.contains($0) }
                return others.filter { !earlier.mounted.contains($0) }.reduce(into: [:]) { refused, pack in
                    refused[pack] = Earlier.Refusal(repository: place, why: nil)
                }
            }
            earlier.mounted.insert(pack.digest)
        }
        return [:]
    }
}
