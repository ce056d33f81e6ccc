import Model
import Network
internal import Storage

/// Room for pushes under the server's quotas.
extension Answers {
    /// Room for an upload of `length` bytes and the body of a request; nil where no quota counts it.
    func reserve(
        _ upload: Upload, of repository: RepositoryName, as name: BlobName?, _ length: UInt64, _ request: ServerRequest
    ) throws -> PushQuotas.Reservation? {
        let (count, isTooLarge) = length.addingReportingOverflow(request.length ?? 0)
        switch try quotas.reserve(isTooLarge ? .max : count, for: upload, in: repository, as: name) {
        case .free: return nil
        case .reserved(let reservation): return reservation
        case .refused(let excess): throw RegistryError(excess)
        }
    }

    /// Room for bytes that come without an upload, while the body runs.
    func reserving<Result>(
        _ count: UInt64, in repository: RepositoryName, as name: BlobName? = nil, _ body: () throws -> Result
    ) throws -> Result {
        guard quotas.counts(repository) else { return try body() }
        let upload = try registry.beginUpload(to: repository)
        defer { try? registry.discard(upload) }
        let outcome = try quotas.reserve(count, for: upload, in: repository, as: name)
        if case .refused(let excess) = outcome { throw RegistryError(excess) }
        defer { withExtendedLifetime(outcome) {} }
        return try body()
    }

    /// Before an upload begins, of which nothing is known yet.
    func checkQuotas(_ repository: RepositoryName) throws {
        if let excess = try quotas.excess(in: repository) { throw RegistryError(excess) }
    }
}

extension RegistryError {
    init(_ excess: PushQuotas.Excess) {
        let place = excess.quota.isWhole ? "this registry" : excess.quota.description
        let wanted = excess.wanted.map { "\(Quantities.bytes($0)) do not fit" } ?? "nothing more fits"
        self.init(
            403, .denied,
            "the quota of \(place) is \(Quantities.bytes(excess.quota.bytes)), \(Quantities.bytes(excess.used)) are used, and "
                + "\(wanted); delete models there, then the operator runs cake gc")
    }
}
