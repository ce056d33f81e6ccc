import Model
import Network
import Platform
internal import Storage
import Store
import Synchronization

/// Uploads to a registry in another storage. A body is collected on this disk, while the upload is looked up, and becomes a part of
/// it at its end. A body that was cut becomes a part, too. Nothing is added to an upload that has changed since its request began.
extension Answers {
    func appendToSession(
        _ name: UploadName, of repository: RepositoryName, _ asked: Asked
    ) throws(RegistryError) -> ServerIntake {
        try spool(asked, name, of: repository) { spool, session in
            guard let session else { throw Answers.noUpload(name) }
            switch try registry.append(spool, to: session) {
            case .noUpload: throw Answers.noUpload(name)
            case .outOfOrder(let session):
                return Answers.outOfOrder(asked.request, name, repository, length: session.length)
            case .done(let session): return Answers.accepted(202, name, repository, length: session.length)
            }
        }
    }

    /// Without a name the upload is this one request.
    func finishSession(
        _ name: UploadName?, as digest: BlobName, in repository: RepositoryName, _ asked: Asked
    ) throws(RegistryError) -> ServerIntake {
        try spool(asked, name, of: repository) { spool, session in
            guard (session?.length ?? 0) + spool.length <= settings.largestBlob else { throw tooLarge }
            guard try registry.finish(session, spool, as: digest, in: repository) else {
                throw Answers.otherDigest(digest)
            }
            return Answers.created(digest, in: repository)
        }
    }

    func sessionStatus(_ name: UploadName, to repository: RepositoryName) throws -> ServerReply {
        guard let session = try registry.session(name, to: repository) else { throw Answers.noUpload(name) }
        return Answers.accepted(204, name, repository, length: session.length)
    }

    func cancelSession(_ name: UploadName, to repository: RepositoryName) throws -> ServerReply {
        guard let session = try registry.session(name, to: repository) else { throw Answers.noUpload(name) }
        guard let turn = sessions.begin(name) else { throw Answers.busy }
        defer { sessions.end(turn) }
        try registry.discard(session)
        return ServerReply(204)
    }

    private var tooLarge: RegistryError {
        RegistryError(413, .sizeInvalid, "a blob may have at most \(settings.largestBlob) bytes here")
    }

    /// Collects a body, then answers: with the upload as it was when the request began.
    private func spool(
        _ asked: Asked, _ name: UploadName?, of repository: RepositoryName,
        _ end: @escaping @Sendable (Spool, RegistryStore.Session?) throws -> ServerReply
    ) throws(RegistryError) -> ServerIntake {
        let start = try Answers.start(of: asked.request)
        try checkRoom(asked.request)
        guard let turn = sessions.begin(name) else { throw Answers.busy }
        let spool: Spool
        do {
            spool = try Spool(in: registry.workFolder)
        } catch {
            sessions.end(turn)
            throw RegistryError(error)
        }
        if let name { sessions.look(turn) { try registry.session(name, to: repository) } }
        let intake = SpoolIntake()
        return .patient(
            receive: { receive($0, spool, intake) },
            abandon: {
                sessions.later {
                    defer { sessions.end(turn) }
                    guard intake.error == nil, spool.failure == nil, spool.length > 0,
                        let session = (try? await sessions.session(of: turn)) ?? nil,
                        start ?? session.length == session.length
                    else { return }
                    _ = try? registry.append(spool, to: session)
                }
            },
            answer: {
                defer { sessions.end(turn) }
                do {
                    if let error = intake.error { throw error }
                    if let failure = spool.failure { throw failure }
                    let session = try await sessions.session(of: turn)
                    if let name {
                        guard let session else { throw Answers.noUpload(name) }
                        guard start ?? session.length == session.length else {
                            return Answers.outOfOrder(asked.request, name, repository, length: session.length)
                        }
                    }
                    return try end(spool, session)
                } catch {
                    return ServerReply(failure: error)
                }
            })
    }

    private func receive(_ bytes: Span<UInt8>, _ spool: Spool, _ intake: SpoolIntake) {
        guard intake.error == nil else { return }
        guard spool.length + UInt64(bytes.count) <= settings.largestBlob else { return intake.fail(tooLarge) }
        let before = spool.length
        spool.append(bytes)
        // It is not known in advance whether a body without a length fits.
        guard before / SpoolIntake.step != spool.length / SpoolIntake.step else { return }
        if let free = try? registry.freeBytes(), free < Answers.spare {
            intake.fail(RegistryError(CakeError(.diskFull, "no room")))
        }
    }
}

/// Remembers a failure while the body comes.
private final class SpoolIntake: Sendable {
    private let failure = Mutex<RegistryError?>(nil)
    static let step: UInt64 = 64 << 20

    var error: RegistryError? { failure.withLock { $0 } }

    func fail(_ error: RegistryError) { failure.withLock { $0 = $0 ?? error } }
}

/// Uploads that a request of this server adds to. Requests of other servers are told apart by the list of parts.
final class Sessions: Sendable {
    private struct State {
        var busy: Set<UploadName> = []
        var last = 0
        /// Those that were looked up, by the number of the request.
        var found: [Int: Result<RegistryStore.Session?, any Error>] = [:]
    }

    private let state = Mutex(State())
    private let waiters = Waiters<Int, RegistryStore.Session?>()
    private let work: BackgroundWork

    init(on pool: BlockingPool) { work = BackgroundWork("uploads of other requests", on: pool) }

    struct Turn: Sendable {
        fileprivate let name: UploadName?
        fileprivate let number: Int
    }

    /// Nil if another request adds to it.
    func begin(_ name: UploadName?) -> Turn? {
        state.withLock { state in
            if let name, !state.busy.insert(name).inserted { return nil }
            state.last += 1
            return Turn(name: name, number: state.last)
        }
    }

    func end(_ turn: Turn) {
        state.withLock { state in
            if let name = turn.name { state.busy.remove(name) }
            state.found[turn.number] = nil
        }
    }

    /// Looks an upload up, while the body comes.
    func look(_ turn: Turn, _ find: @escaping @Sendable () throws -> RegistryStore.Session?) {
        work.start {
            let found = Result { try find() }
            self.waiters.tell(turn.number, found) { self.state.withLock { $0.found[turn.number] = found } }
        }
    }

    /// Nil if there is none with that name, and for a request without a name.
    func session(of turn: Turn) async throws -> RegistryStore.Session? {
        guard turn.name != nil else { return nil }
        return try await waiters.wait(for: turn.number) { state.withLock { $0.found[turn.number] } }
    }

    func later(_ body: @escaping @Sendable () async -> Void) { work.start(body) }

    func settle() async { await work.settle() }
}
