package import Model
internal import Network
internal import Platform
internal import Synchronization

/// The servers of a ring that are asked for the files of one transfer, one after another, before the upstream.
package final class PeerCopies: NearServers {
    package struct Patience: Sendable {
        /// So long a server is waited for, unless it says that it waits itself, or that it sends.
        let usual: Duration
        /// And so long if it does.
        let longest: Duration

        package init(usual: Duration, longest: Duration) { (self.usual, self.longest) = (usual, longest) }
    }

    package let sources: [HubSource]
    let servers: [PeerServer]
    let patience: Patience
    private let mayAsk: @Sendable () -> Bool
    private let hears: @Sendable (Event) -> Void
    private let received = Atomic<UInt64>(0)

    package enum Event: Sendable {
        case came(bytes: Int)
        case passedOver
    }

    /// `mayAsk` is looked at before each request.
    package init(
        _ servers: [PeerServer], patience: Patience, mayAsk: @escaping @Sendable () -> Bool,
        hears: @escaping @Sendable (Event) -> Void
    ) {
        self.servers = servers
        sources = servers.map(\.source)
        self.patience = patience
        self.mayAsk = mayAsk
        self.hears = hears
    }

    /// Bytes from all of them.
    package var bytes: UInt64 { received.load(ordering: .relaxed) }

    package func open(
        _ range: Range<UInt64>, of file: SnapshotFile, copies: [HubFile]
    ) async throws -> OpenedRun? {
        for (server, copy) in zip(servers, copies) {
            guard mayAsk() else { return nil }
            guard server.answers, !copy.isGivenUp else { continue }
            if let run = try await open(range, of: copy, on: server) { return run }
        }
        return nil
    }

    /// Nil if it does not have the file, or does not answer.
    private func open(_ range: Range<UInt64>, of copy: HubFile, on server: PeerServer) async throws -> OpenedRun? {
        do {
            let run = try await waiting(for: copy, on: server, at: { range.lowerBound }, { try await copy.open(range) })
            guard !copy.comesWhole || range == 0..<copy.listed.size else {
                copy.giveUp()
                return nil
            }
            return OpenedRun(run, watchedBy: PeerWatch(self, server, copy, range))
        } catch {
            try Task.checkCancellation()
            if Mirrors.mayPass(error) { leave(server, copy, PeerServer.words(for: error)) } else { copy.giveUp() }
            return nil
        }
    }

    /// Waits no longer than the server is to be waited for: longer for one that sends other runs meanwhile, says that it
    /// waits for the upstream itself, because no other server would be faster, or sends to others over a full line, where
    /// a lost packet alone may cost a second.
    func waiting<Value: Sendable>(
        for copy: HubFile, on server: PeerServer, at position: @escaping @Sendable () -> UInt64,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await work() }
            group.addTask { throw await self.stall(copy, server, position) }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw PeerServer.silent }
            return first
        }
    }

    private func stall(_ copy: HubFile, _ server: PeerServer, _ position: @Sendable () -> UInt64) async -> any Error {
        var (waited, seen) = (Duration.zero, server.bytes)
        while waited < patience.longest {
            // Half of the time for silence, and half for the answer to a question.
            do { try await Task.sleep(for: patience.usual / 2) } catch { return error }
            waited += patience.usual / 2
            // On a full line some runs wait while others move.
            let moves = server.bytes > seen
            seen = server.bytes
            if moves { continue }
            let reason = await reason(copy, server, position())
            if reason != .waits, reason != .sends { break }
        }
        return CakeError(.network, "it sends nothing")
    }

    func reason(_ copy: HubFile, _ server: PeerServer, _ position: UInt64) async -> PeerServer.Reason {
        await copy.reason(at: position, by: server, within: patience.usual / 2)
    }

    func came(_ count: Int, from server: PeerServer) {
        server.came(count)
        received.add(UInt64(count), ordering: .relaxed)
        hears(.came(bytes: count))
    }

    /// The next server is asked for the file from now on.
    func leave(_ server: PeerServer, _ copy: HubFile, _ why: String) {
        guard !copy.isGivenUp else { return }
        copy.giveUp()
        server.failed(why)
        hears(.passedOver)
    }
}
