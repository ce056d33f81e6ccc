import Model
import Network
import Platform
internal import Storage
import Store
import Synchronization

/// Uploads to a registry in another storage. A body is collected on this disk, and becomes a part of its upload when it is complete:
/// only then is the upload looked up, because that takes time. A body that was cut becomes a part, too.
extension Answers {
    func appendToSession(
        _ name: UploadName, of repository: RepositoryName, _ asked: Asked
    ) throws(RegistryError) -> ServerIntake {
        let start = try Answers.start(of: asked.request)
        return try spool(asked, of: name) { spool in
            // The client learns from the upload's length how much of it is there.
            _ = try? registry.append(spool, to: name, of: repository, at: start)
        } _: { spool in
            switch try registry.append(spool, to: name, of: repository, at: start) {
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
        let start = try Answers.start(of: asked.request)
        return try spool(asked, of: name) { spool in
            if let name { _ = try? registry.append(spool, to: name, of: repository, at: start) }
        } _: { spool in
            var session: RegistryStore.Session?
            if let name {
                guard let found = try registry.session(name, to: repository) else { throw Answers.noUpload(name) }
                guard start ?? found.length == found.length else {
                    return Answers.outOfOrder(asked.request, name, repository, length: found.length)
                }
                guard found.length + spool.length <= settings.largestBlob else { throw tooLarge }
                session = found
            }
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

    /// Collects a body, then answers. `keep` gets the bytes of one that was cut.
    private func spool(
        _ asked: Asked, of name: UploadName?, keep: @escaping @Sendable (Spool) -> Void,
        _ end: @escaping @Sendable (Spool) throws -> ServerReply
    ) throws(RegistryError) -> ServerIntake {
        try checkRoom(asked.request)
        guard let turn = sessions.begin(name) else { throw Answers.busy }
        let spool: Spool
        do {
            spool = try Spool(in: registry.workFolder)
        } catch {
            sessions.end(turn)
            throw RegistryError(error)
        }
        let failure = Mutex<RegistryError?>(nil)
        let intake = SpoolIntake(failure: failure)
        return .patient(receive: { bytes in
            guard intake.error == nil else { return }
            guard spool.length + UInt64(bytes.count) <= settings.largestBlob else { return intake.fail(tooLarge) }
            let before = spool.length
            spool.append(bytes)
            // It is not known in advance whether a body without a length fits.
            if before / SpoolIntake.step != spool.length / SpoolIntake.step,
                ((try? registry.freeBytes()) ?? UInt64.max) < Answers.spare
            {
                intake.fail(RegistryError(CakeError(.diskFull, "no room")))
            }
        }, abandon: {
            sessions.later {
                if intake.error == nil, spool.failure == nil, spool.length > 0 { keep(spool) }
                sessions.end(turn)
            }
        }, answer: {
            defer { sessions.end(turn) }
            return answer {
                if let error = intake.error { throw error }
                if let failure = spool.failure { throw failure }
                return try end(spool)
            }
        })
    }
}

/// Remembers a failure while the body comes.
private final class SpoolIntake: Sendable {
    private let failure: Mutex<RegistryError?>
    static let step: UInt64 = 64 << 20

    init(failure: consuming sending Mutex<RegistryError?>) { self.failure = failure }

    var error: RegistryError? { failure.withLock { $0 } }

    func fail(_ error: RegistryError) { failure.withLock { $0 = $0 ?? error } }
}

/// Uploads that a request of this server is adding to. Other servers are told apart by the list of parts.
final class Sessions: Sendable {
    private let busy = Mutex<Set<UploadName>>([])
    private let work: BackgroundWork

    init(on pool: BlockingPool) { work = BackgroundWork("bytes of cut uploads", on: pool) }

    struct Turn: Sendable { fileprivate let name: UploadName? }

    /// Nil if another request is adding to it.
    func begin(_ name: UploadName?) -> Turn? {
        guard let name else { return Turn(name: nil) }
        return busy.withLock { $0.insert(name).inserted } ? Turn(name: name) : nil
    }

    func end(_ turn: Turn) { if let name = turn.name { busy.withLock { _ = $0.remove(name) } } }

    func later(_ body: @escaping @Sendable () -> Void) { work.start { body() } }

    func settle() async { await work.settle() }
}
