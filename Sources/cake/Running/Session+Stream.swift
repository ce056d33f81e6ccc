import Model
import Platform
import Store
import Transfer

extension Session {
    /// Sends bytes down standard output, or a named pipe. A reader that has seen enough is no failure.
    func send(
        _ stream: ModelStream, _ phase: String, of model: LocalStore.Named, from store: LocalStore,
        to pipe: String? = nil
    ) async throws {
        if pipe == nil { try refuseTerminal() }
        let progress = Progress(phase)
        try await reporter.show(progress) {
            let reader = try pipe.map { path throws(CakeError) in try NamedPipe(path) }
            try await stream.send(from: store, model.name, holding: model.record.manifest, progress) {
                try sendOn($0, to: reader)
            }
        }
    }

    /// Tensors of a fast-load archive that torch takes as bytes alone.
    func tell(rawTensors: [Tensor]) {
        for tensor in rawTensors {
            reporter.note(
                "torch has no \(tensor.dtype.rawValue) \(tensor.shape): \(tensor.name.printable) is there as bytes")
        }
    }

    /// Bytes are of no use to a person who looks on.
    func refuseTerminal() throws(CakeError) {
        guard terminal.isTerminal(.output) else { return }
        throw CakeError(
            .usage, "these bytes are not for a terminal",
            fix: "send them to a file or a program: add > FILE or | PROGRAM")
    }

    /// To a pipe, or down standard output.
    func sendOn(_ bytes: Span<UInt8>, to pipe: NamedPipe?) throws {
        if let pipe {
            guard try pipe.send(bytes) else { throw Answer(status: 0) }
        } else {
            try output.send(bytes)
            if output.isClosed { throw Answer(status: 0) }
        }
    }
}
