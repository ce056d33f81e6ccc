internal import Model
internal import Platform

/// What killed pushes leave: uploads, referrers without a manifest, values that tried the storage.
extension DistantCollection {
    struct AbandonedUpload: Sendable {
        /// Its list, if it has one, and its old parts.
        let keys: [String]
        let bytes: UInt64
    }

    func removeLeftovers(_ now: Int, into collected: inout CollectedBlobs) async throws(CakeError) {
        for upload in try await removeUploads(since: now - uploadLife) { collected.add(upload) }
        // Not every engine lists these, or lets everyone list them. One may be under way for hours.
        _ = try? await values.dropNow(max(grace, DistantCollection.day))
        _ = try await DistantValues.each(try await repositories()) { [self] place throws(CakeError) in
            try await dropReferrers(in: place, now)
        }
        try await removeBroughtLeftovers(since: now - leftoverAge)
        let probes = try await names(DistantCollection.probes).map { DistantCollection.probes + "/" + $0 }
        _ = try await DistantValues.each(probes) { [self] key throws(CakeError) -> Bool in
            guard let there = try await look(key), there.time <= now - leftoverAge else { return false }
            return try await values.removeNow(key, there.version)
        }
    }

    /// Where a process tries what the storage does with conditions.
    private static let probes = "probe"
    private static let day = 24 * 3600

    /// Removes uploads to which nothing was added for so long. The list goes first: without it the parts lead nowhere.
    @discardableResult
    func removeUploads(since oldest: Int) async throws(CakeError) -> [AbandonedUpload] {
        let uploads = try await abandonedUploads(since: oldest)
        _ = try await DistantValues.each(uploads) { [self] upload throws(CakeError) in
            for key in upload.keys { _ = try await values.removeNow(key, nil) }
        }
        return uploads
    }

    func abandonedUploads(since oldest: Int) async throws(CakeError) -> [AbandonedUpload] {
        let uploads = try await names(keys.uploads).compactMap { UploadName($0) }
        return try await DistantValues.each(uploads) { [self] name throws(CakeError) -> AbandonedUpload? in
            let list = keys.upload(name) + "/list"
            let there = try await look(list)
            if let there, there.time > oldest { return nil }
            var (found, bytes) = (there == nil ? [] : [list], there?.size ?? 0)
            for part in try await names(keys.upload(name) + "/parts") {
                let key = keys.upload(name) + "/parts/" + part
                // Without a list a part may be on its way.
                guard let there = try await look(key), there.time <= oldest else { continue }
                found.append(key)
                bytes += there.size
            }
            return found.isEmpty ? nil : AbandonedUpload(keys: found, bytes: bytes)
        }.compactMap(\.self)
    }

    /// Marks of manifests that are not there. Each is looked at before the manifest: a push puts the mark again before its manifest.
    private func dropReferrers(in place: RegistryLayout.Repository, _ now: Int) async throws(CakeError) {
        for subject in try await names(place.referrers) {
            let names = try await names(place.referrers + "/" + subject).compactMap { BlobName(fileName: $0) }
            _ = try await DistantValues.each(names) { [self] name throws(CakeError) -> Bool in
                let key = place.referrers + "/" + subject + "/" + name.fileName
                guard let there = try await look(key), there.time <= now - leftoverAge,
                    try await look(place.manifest(name)) == nil
                else { return false }
                return try await values.removeNow(key, there.version)
            }
        }
    }
}
