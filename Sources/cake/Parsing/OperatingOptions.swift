import Model
import Server

/// What a server does for its operator, as it is typed.
struct OperatingOptions: Sendable {
    let auditLog: String?
    private let interval: Duration?
    private let quotas: [RegistryQuota]

    private static let audit = Option.text(
        "audit-log", "FILE", completing: .path, "append a line of JSON to FILE for each use of a token")
    private static let collection = Option.duration(
        "gc-every", "run cake gc in the server, each time that TIME has passed since the last run")

    static let forms = [audit.form, collection.form]

    /// `quotas` are those that were typed.
    init(
        _ arguments: Arguments, _ quotas: [RegistryQuota], allowsPush: Bool, hasUpstream: Bool
    ) throws(CakeError) {
        auditLog = try arguments.value(of: Self.audit)
        interval = try arguments.value(of: Self.collection)
        if let interval, interval < .seconds(60) {
            throw CakeError(.usage, "--gc-every is less than a minute", fix: "write it like --gc-every 6h")
        }
        // With an upstream a size alone is for mirrored models.
        let forPushes = hasUpstream ? quotas.filter { $0.pattern != nil } : quotas
        guard forPushes.isEmpty || allowsPush else {
            throw CakeError(
                .usage, "--quota limits pushes or mirrored models, and this server has neither",
                fix: "add --push, or --upstream \(HubRoutes.standardEndpoint)")
        }
        guard Set(quotas.map(\.pattern)).count == quotas.count else {
            throw CakeError(.usage, "--quota is there twice for the same repositories", fix: "keep one of them")
        }
        self.quotas = forPushes
    }

    /// An option that only a server of a store has.
    var needsStore: String? { quotas.isEmpty ? nil : "--quota" }

    /// Of object storage a collection takes longer than ten minutes.
    func checkCollection() throws(CakeError) {
        guard let interval, interval < .seconds(3600) else { return }
        throw CakeError(
            .usage, "--gc-every is less than an hour, and with --storage a collection alone waits ten minutes",
            fix: "write it like --gc-every 6h")
    }

    func apply(to settings: inout RegistryServer.Settings) {
        settings.quotas = quotas
        settings.collectionInterval = interval
    }
}
