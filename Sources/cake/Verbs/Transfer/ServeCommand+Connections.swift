import Model
import Network
import Platform
import Server

/// How many connections a server takes at once.
extension ServeCommand {
    static func limit(_ settings: inout RegistryServer.Settings, to most: Int) throws(CakeError) {
        guard (8...1_000_000).contains(most) else {
            throw CakeError(.usage, "--max-connections: \(most) is not between 8 and 1000000")
        }
        settings.limits.connections = most
        // As by default: some are left for others.
        settings.limits.connectionsPerClient = most / 4 * 3
    }

    /// Of the store and of downloads, beside those of connections.
    private static let otherFiles = 1024

    /// The default fits into what every system allows.
    static func allow(_ connections: Int) throws(CakeError) {
        guard connections > ServerLimits().connections else { return }
        let (wanted, allowed) = (connections + otherFiles, DescriptorLimit.ask(for: connections + otherFiles))
        guard allowed >= wanted else {
            throw CakeError(
                .usage,
                "--max-connections \(connections) needs \(wanted) open files, and this process may have \(allowed)",
                fix: "LimitNOFILE=\(wanted) in the service, or ulimit -n \(wanted); or fewer connections")
        }
    }
}
