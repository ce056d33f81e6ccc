import Model
import Network
import Platform

/// Replies in the words of the specification.
extension ServerReply {
    init(_ error: RegistryError, _ headers: [(name: String, value: String)] = []) {
        var all = [(name: "Content-Type", value: "application/json")] + headers
        if error.status == 401 { all.append(Caller.challenge) }
        if error.status == 429 || error.status == 503 { all.append(("Retry-After", "1")) }
        self.init(error.status, all, .bytes(error.body))
    }

    init(_ document: JSONValue, type: String = "application/json", _ headers: [(name: String, value: String)] = []) {
        self.init(200, [("Content-Type", type)] + headers, .bytes(document.bytes(.compact)))
    }

    /// A failure, for a client: details of the disk stay here, unless the client can act on them.
    init(failure: any Error) {
        switch failure {
        case let error as RegistryError: self.init(error)
        case let error as CakeError: self.init(RegistryError(error))
        default: self.init(RegistryError(500, .unknown, "the server failed"))
        }
    }
}

extension RegistryError {
    init(_ error: CakeError) {
        switch error.kind {
        case .diskFull: self.init(507, .unknown, "the server's disk is full; nothing of this was kept")
        case .locked: self.init(503, .unknown, "the server is busy with this for other clients; try again in a moment")
        case .damaged:
            self.init(
                500, .unknown,
                "the server's copy is damaged: push it again, or run cake verify --repair there")
        case .network, .offline:
            self.init(
                503, .unknown, "the server's storage does not answer; nothing of this was kept; try again in a while")
        default: self.init(500, .unknown, "the server could not read or write its store")
        }
    }
}
