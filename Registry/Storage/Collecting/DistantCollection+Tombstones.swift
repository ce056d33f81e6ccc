internal import Model
internal import Platform

/// From the first look at a blob to the tombstone that is old enough.
extension DistantCollection {
    /// A digest that no manifest names, with something under it: a blob, a name by SHA-512, a tombstone.
    struct Candidate: Sendable {
        let digest: Digest
        var blob: DistantValues.Entry?
        var aliases: [BlobName] = []
    }

    /// A candidate with a tombstone of this collection, or of one that did not end.
    struct Buried: Sendable {
        var candidate: Candidate
        /// When its tombstone was put. Nothing younger is removed.
        let time: Int
        let version: DistantValues.Version
    }

    func candidates(_ survey: Survey, _ now: Int) async throws(CakeError) -> [Candidate] {
        func isFree(_ digest: Digest) -> Bool { !survey.named.contains(digest) && !survey.young.contains(digest) }
        var found: [Digest: Candidate] = [:]
        let shards = try await names(keys.blobs)
        for names in try await DistantValues.each(
            shards, { [self] shard throws(CakeError) in try await names(keys.blobs + "/" + shard) })
        {
            for digest in names.compactMap({ Digest(hex: $0) }) where isFree(digest) {
                found[digest] = Candidate(digest: digest)
            }
        }
        let aliases = try await names(keys.aliases).compactMap { BlobName("sha512:" + $0) }
        let targets = try await DistantValues.each(aliases) { [self] alias throws(CakeError) in
            try await digest(of: alias)
        }
        for (alias, digest) in zip(aliases, targets) {
            if let digest, isFree(digest) { found[digest, default: Candidate(digest: digest)].aliases.append(alias) }
        }
        for digest in try await names(Tombstone.folder).compactMap({ Digest(hex: $0) }) where isFree(digest) {
            found[digest] = found[digest] ?? Candidate(digest: digest)
        }
        let all = found.values.sorted { $0.digest < $1.digest }
        let looks = try await DistantValues.each(all) { [self] candidate throws(CakeError) in
            try await look(keys.blob(candidate.digest))
        }
        return zip(all, looks).compactMap { candidate, blob in
            if let blob, blob.time > now - grace { return nil }
            var candidate = candidate
            candidate.blob = blob
            return candidate
        }
    }

    /// Puts a tombstone for each candidate that has none, and takes away those of blobs that are none any more.
    func bury(
        _ candidates: [Candidate], _ now: Int, into collected: inout CollectedBlobs
    ) async throws(CakeError) -> [Buried] {
        let wanted = Set(candidates.map(\.digest))
        let others = try await names(Tombstone.folder).compactMap { Digest(hex: $0) }.filter { !wanted.contains($0) }
        _ = try await DistantValues.each(others) { [self] digest throws(CakeError) in try await values.saveNow(digest) }
        let found = try await DistantValues.each(candidates) { [self] candidate throws(CakeError) -> Buried? in
            let key = Tombstone.key(of: candidate.digest)
            var random = SystemRandomNumberGenerator()
            let text = Tombstone(.waiting, using: &random).text
            _ = try await values.putNow(StorageBody(text), key, .absent)
            guard let (entry, tombstone) = try await values.tombstoneNow(candidate.digest) else { return nil }
            // Another collection is removing it.
            guard tombstone.state == .waiting || tombstone.yields(atAge: now - entry.time) else { return nil }
            return Buried(candidate: candidate, time: entry.time, version: entry.version)
        }
        collected.left += found.count { $0 == nil }
        return found.compactMap(\.self)
    }

    /// Until the youngest is old enough, by the storage's clock.
    func wait(for buried: [Buried]) async throws(CakeError) {
        guard let last = buried.map(\.time).max() else { return }
        while true {
            let left = last + Tombstone.wait - (try await values.clockNow())
            guard left >= 0 else { return }
            let end = values.timing.now() + .seconds(left + 1)
            while case let rest = end - values.timing.now(), rest > .zero {
                tell(.waiting(seconds: Int((rest / .seconds(1)).rounded(.up)), blobs: buried.count))
                try await values.timing.rest(min(rest, .seconds(5)))
            }
        }
    }
}
