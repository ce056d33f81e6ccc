import Model

/// Addresses for an operator's tools. None of them shows a model. Health is open to every client, metrics need a right.
package enum OperatingRoute: CaseIterable, Sendable {
    case health, ready, metrics

    /// Nil if the address is none of these.
    package init?(_ parts: [String]) {
        switch parts {
        case ["healthz"]: self = .health
        case ["readyz"]: self = .ready
        case ["metrics"]: self = .metrics
        default: return nil
        }
    }
}
