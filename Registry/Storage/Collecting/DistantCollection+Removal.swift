internal import Model
internal import Platform
internal import Synchronization

/// Claims, last looks, removals.
extension DistantCollection {
    /// So many are claimed before repositories are read again: all of them are decided within the time of a claim.
    private static let atOnce = 4000

    func remove(_ buried: [Buried], _ survey: Survey, into collected: inout CollectedBlobs) async throws(CakeError) {
        var survey = survey
        var next = buried[...]
        while !next.isEmpty {
            let before = next.startIndex
            tell(.removing(done: before, of: buried.count))
            let some = Array(next.prefix(DistantCollection.atOnce))
            next = next.dropFirst(DistantCollection.atOnce)
            let start = values.timing.now()
            let claims = try await claim(some)
            let claimed = claims.compactMap { if case .won(let one) = $0 { one } else { nil } }
            for case .lost(let isNeeded) in claims {
                if isNeeded { collected.needed += 1 } else { collected.left += 1 }
            }
            let last: LastLook
            do throws(CakeError) {
                // After the claims: a manifest whose request took a tombstone away, or saw none, is there before.
                survey.named.formUnion(try await newlyNamed(since: survey))
                last = LastLook(
                    named: survey.named, marks: try await marks(of: Set(claimed.map(\.candidate.digest))),
                    now: try await values.clockNow(), start: start)
            } catch {
                await giveBack(claimed)
                throw error
            }
            let done = Mutex(before)
            let ends = try await DistantValues.each(claimed) { [self] one throws(CakeError) in
                let end = await end(one, last)
                done.withLock { done in
                    done += 1
                    tell(.removing(done: done, of: buried.count))
                }
                return end
            }
            var failure: CakeError?
            for end in ends {
                switch end {
                case .removed(let blob): if let blob { collected.add(blob) }
                case .needed: collected.needed += 1
                case .left: collected.left += 1
                case .failed(let error): failure = failure ?? error
                }
            }
            if let failure { throw failure }
        }
    }

    private enum Claim: Sendable {
        case won(Buried)
        /// A push that needs the blob took the tombstone away, or another collection has claimed it.
        case lost(isNeeded: Bool)
        /// Another collection has ended it.
        case over
    }

    private func claim(_ buried: [Buried]) async throws(CakeError) -> [Claim] {
        try await DistantValues.each(buried) { [self] one throws(CakeError) -> Claim in
            let digest = one.candidate.digest
            var random = SystemRandomNumberGenerator()
            let claim = Tombstone(.deleting, using: &random)
            let isPut = try await values.putNow(
                StorageBody(claim.text), Tombstone.key(of: digest), .unchanged(one.version))
            guard let (entry, there) = try await values.tombstoneNow(digest) else {
                return try await values.lookNow(keys.blob(digest)) == nil ? .over : .lost(isNeeded: true)
            }
            guard isPut, there == claim else { return .lost(isNeeded: false) }
            return .won(Buried(candidate: one.candidate, time: one.time, version: entry.version))
        }
    }

    /// Nothing was removed of these. Also when the collection is cancelled: else the blobs would count as gone for ten minutes.
    private func giveBack(_ claimed: [Buried]) async {
        await Task { [values] in
            _ = try? await DistantValues.each(claimed) { one throws(CakeError) in
                try await values.removeNow(Tombstone.key(of: one.candidate.digest), one.version)
            }
        }.value
    }

    struct Mark: Sendable {
        let key: String
        let entry: DistantValues.Entry
    }

    /// What was seen after the claims.
    struct LastLook: Sendable {
        let named: Set<Digest>
        let marks: [Digest: [Mark]]
        let now: Int
        /// Before the claims.
        let start: ContinuousClock.Instant
    }

    private func marks(of wanted: Set<Digest>) async throws(CakeError) -> [Digest: [Mark]] {
        if wanted.isEmpty { return [:] }
        let found = try await DistantValues.each(try await places()) {
            [self] place throws(CakeError) -> [(Digest, Mark)] in
            let blobs = try await names(place.blobs).compactMap { Digest(hex: $0) }.filter(wanted.contains)
            let looks = try await DistantValues.each(blobs) { [self] blob throws(CakeError) in
                try await look(place.blob(blob))
            }
            return zip(blobs, looks).compactMap { blob, entry in
                entry.map { (blob, Mark(key: place.blob(blob), entry: $0)) }
            }
        }
        return Dictionary(grouping: found.joined(), by: \.0).mapValues { $0.map(\.1) }
    }

    private enum End: Sendable {
        /// Nil if there was only something else under its digest.
        case removed(DistantValues.Entry?)
        case needed
        /// A request was not answered, or came too late.
        case left
        case failed(CakeError)
    }

    private func end(_ one: Buried, _ last: LastLook) async -> End {
        var isSent = false
        do throws(CakeError) {
            let end = try await remove(one, last, &isSent)
            if case .left = end, isSent { return end }
            _ = try await values.removeNow(Tombstone.key(of: one.candidate.digest), one.version)
            return end
        } catch {
            // When it is not known what a request did, the tombstone stays: the blob counts as gone until the request can have no effect.
            if isSent, error.isOfNetwork { return .left }
            if !isSent || error.kind == .notAuthorised { await giveBack([one]) }
            return .failed(error)
        }
    }

    private func remove(_ one: Buried, _ last: LastLook, _ isSent: inout Bool) async throws(CakeError) -> End {
        let (digest, seen) = (one.candidate.digest, one.candidate.blob)
        if last.named.contains(digest) { return .needed }
        let marks = last.marks[digest] ?? []
        for mark in marks where mark.entry.time >= one.time || mark.entry.time > last.now - grace { return .needed }
        let blob = try await values.lookNow(keys.blob(digest))
        if let blob {
            guard blob.time < one.time, blob.size == seen?.size, blob.time == seen?.time else { return .needed }
        }
        for mark in marks where try await !values.removeNow(mark.key, mark.entry.version) { return .needed }
        if let blob {
            guard isInTime(last) else { return .left }
            isSent = true
            guard try await values.removeOnceNow(keys.blob(digest), blob.version) else { return .needed }
        }
        for alias in one.candidate.aliases {
            guard let there = try await values.lookNow(keys.alias(alias)) else { continue }
            guard isInTime(last) else { return .left }
            isSent = true
            _ = try await values.removeOnceNow(keys.alias(alias), there.version)
        }
        return .removed(blob)
    }

    /// A request that is sent now has its effect before the claim can count as left.
    private func isInTime(_ last: LastLook) -> Bool {
        values.timing.now() - last.start < Tombstone.longestRequest
    }
}
