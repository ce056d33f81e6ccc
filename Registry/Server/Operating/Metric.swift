import Model
internal import Storage

/// A value for monitoring with its labels, in the text format that Prometheus reads.
struct Metric: Sendable {
    enum Kind: String, Sendable { case counter, gauge }

    let name: String
    let kind: Kind
    let help: String
    let values: [(label: String, value: String)]

    init(_ name: String, _ kind: Kind, _ help: String, _ values: [(label: String, value: String)]) {
        (self.name, self.kind, self.help, self.values) = (name, kind, help, values)
    }

    init(_ name: String, _ kind: Kind, _ help: String, _ value: some CustomStringConvertible) {
        self.init(name, kind, help, [("", "\(value)")])
    }

    var text: String {
        values.reduce("# HELP cake_\(name) \(help)\n# TYPE cake_\(name) \(kind.rawValue)\n") {
            $0 + "cake_\(name)\($1.label) \($1.value)\n"
        }
    }
}

extension Metric {
    static func collection(_ counts: ScheduledCollection.Counts) -> [Metric] {
        [
            Metric("gc_runs_total", .counter, "Collections on the server's schedule.", counts.runs),
            Metric("gc_failures_total", .counter, "Collections on the schedule that failed.", counts.failures),
            Metric("gc_freed_bytes_total", .counter, "Bytes that collections on the schedule freed.", counts.freed),
            Metric(
                "gc_last_timestamp_seconds", .gauge, "When the last collection of this server ended; 0 for none.",
                counts.last),
            Metric("gc_last_seconds", .gauge, "Time that the last collection of this server took.", counts.seconds),
        ]
    }

    static func quotas(_ used: [(quota: RegistryQuota, bytes: UInt64)]) -> [Metric] {
        if used.isEmpty { return [] }
        func each(_ value: ((quota: RegistryQuota, bytes: UInt64)) -> UInt64) -> [(label: String, value: String)] {
            used.map { ("{repositories=\"\($0.quota)\"}", "\(value($0))") }
        }
        return [
            Metric("quota_bytes", .gauge, "The most bytes that the repositories may hold.", each { $0.quota.bytes }),
            Metric("quota_used_bytes", .gauge, "Bytes that count for the quota.", each { $0.bytes }),
        ]
    }
}

extension Answers {
    /// What is counted only where the operator asked for it.
    func operatingMetrics() throws -> [Metric] {
        var all = Metric.quotas(try quotas.used())
        if let collection { all += Metric.collection(collection.counts) }
        if settings.audit != nil {
            all.append(
                Metric("audit_failures_total", .counter, "Uses of tokens that could not be noted.", metrics.unaudited))
        }
        return all
    }
}
