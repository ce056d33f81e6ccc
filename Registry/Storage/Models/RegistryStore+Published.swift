public import Model
internal import Store

/// Models of the store by their names on a Hub.
extension RegistryStore {
    /// The model that a Hub would show as this repository's commit. Nil if there is none, and for a closed one.
    public func served(_ repository: HubRepository, at commit: String) -> Served? {
        let name = HubModels.name(of: repository)
        let models = isDistant ? (try? shownBrought { $0.withoutRevision == name }) ?? [] : shown
        return models.first { served in
            guard let place = HubPlace(served.named.name, served.named.record) else { return false }
            return place.repository == repository && place.commit == commit
        }
    }

    /// The manifest of a model as a registry has it; made when it is not there.
    public func artifact(of served: Served) async throws(CakeError) -> BlobName {
        if let artifact = served.artifact { return artifact }
        let record = try await record(of: served, except: [])
        try? touch(record, in: served.place.repository)
        return record.stored.name
    }
}
