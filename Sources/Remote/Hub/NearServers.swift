package import Model
internal import Network
internal import Platform

/// Servers that may have a Hub's files nearer, and are asked before it. None of them is trusted: they are asked only for
/// files that have a digest from the Hub.
package protocol NearServers: Sendable {
    var sources: [HubSource] { get }
    /// Bytes from all of them.
    var bytes: UInt64 { get }
    /// A run of a file from one that has it; `copies` are the file on each. Nil if none has it now.
    func open(_ range: Range<UInt64>, of file: SnapshotFile, copies: [HubFile]) async throws -> OpenedRun?
}

/// Watches a run from a server that is left for another one when it is slow.
protocol RunWatch: Sendable {
    /// The next bytes of the run.
    func next(of exchange: HTTPExchange) async throws -> Chunk?
}
