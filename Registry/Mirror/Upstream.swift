public import Model

extension Mirror {
    /// The server that is asked for missing models.
    public enum Upstream: Sendable, CustomStringConvertible {
        case hub(HubRoutes)
        case registry(RegistryUpstream)

        public var description: String {
            switch self {
            case .hub(let routes): "\(routes)"
            case .registry(let registry): "\(registry)"
            }
        }

        /// As the record of a model that came from it says.
        func source(of repository: HubRepository) -> String? {
            switch self {
            case .hub: "\(repository)"
            case .registry(let registry): registry.source(of: repository)
            }
        }

        /// A registry may forget a commit: the files here are still right.
        public var keepsCommits: Bool { if case .hub = self { true } else { false } }

        /// Whether a model of the store came from such a server, and may be updated from it. An imported model did not.
        public func gave(_ record: NameRecord) -> Bool {
            switch self {
            case .hub: record.source?.hasPrefix("hf://") == true
            case .registry: record.mark != nil && record.source?.hasPrefix("oci://") == true
            }
        }
    }
}
