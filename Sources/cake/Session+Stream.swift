import Model
import Platform
import Store
import Transfer

extension Session {
    /// Sends bytes down standard output. A reader that has seen enough is no failure.
    func send(_ stream: ModelStream, _ phase: String, from store: LocalStore, holding manifest: Digest) async throws {
        try refuseTerminal()
        let progress = Progress(phase)
        try await reporter.show(progress) {
            try await stream.send(from: store, holding: manifest, progress) { try sendOn($0) }
        }
    }

    /// Bytes are of no use to a person who looks on.
    func refuseTerminal() throws(CakeError) {
        guard terminal.isTerminal(.output) else { return }
        throw CakeError(
            .usage, "standard output is a terminal, which has no use for these bytes",
            fix: "send them to a file or a program: > FILE, or | PROGRAM")
    }

    func sendOn(_ bytes: Span<UInt8>) throws {
        try output.send(bytes)
        if output.isClosed { throw Answer(status: 0) }
    }
}
