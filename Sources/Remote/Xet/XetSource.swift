public import Model
internal import Network
internal import Platform
internal import Synchronization

/// Statements of a Hub's Xet server about files: not their bytes, which come from the Hub, but where it stores them.
/// For comparing files without downloading them. Except for cancellation, every failure only means that fewer bytes are
/// saved, and the caller continues without.
public final class XetSource: Sendable {
    /// A token is good for one repository at one commit.
    private struct Scope: Hashable {
        let repository: HubRepository
        let commit: String
    }

    private let hub: HubSource
    /// The token for the Xet server. Nil if this Hub has no Xet, or not for this repository.
    private let accesses = SharedValues<Scope, XetAccess?>()
    /// 1 once a server was seen to have no newer routes.
    private let version = Atomic<Int>(2)

    public init(_ hub: HubSource) { self.hub = hub }

    /// The chunks of a file, or of a range of it; nil if it is not known: Xet does not store the file, or the Hub has
    /// no Xet.
    public func reconstruction(
        of file: SnapshotFile, in snapshot: Snapshot, range: Range<UInt64>? = nil
    ) async throws -> XetReconstruction? {
        guard let hash = file.xetHash else { return nil }
        let wanted = range?.clamped(to: 0..<file.size)
        guard file.size > 0, wanted?.isEmpty != true else {
            return try XetReconstruction(terms: [], skipped: 0, of: 0..<0, fileSize: file.size)
        }
        let scope = Scope(repository: snapshot.repository, commit: snapshot.commit)
        do {
            guard let body = try await answer(of: hash, wanted, scope) else { return nil }
            return try XetReconstruction(parsing: body.span, of: wanted, fileSize: file.size)
        } catch let error as CakeError {
            throw error.at(file.path.string)
        }
    }

    private func answer(of file: XetHash, _ range: Range<UInt64>?, _ scope: Scope) async throws -> [UInt8]? {
        var isRefused = false
        while let access = try await access(to: scope) {
            let asked = version.load(ordering: .relaxed)
            var answer = try await ask(access.reconstruction(of: file, version: asked), range, access)
            if case .notThere = answer, asked == 2 {
                // The file or the route is missing: only the older route can tell.
                answer = try await ask(access.reconstruction(of: file, version: 1), range, access)
                if case .body = answer { version.store(1, ordering: .relaxed) }
            }
            switch answer {
            case .body(let body): return body
            case .notThere: return nil
            case .refused where !isRefused:
                isRefused = true
                // Another task may have got a new one meanwhile.
                accesses.forget(scope) { $0.map { $0.header == access.header } ?? false }
            case .refused:
                throw CakeError(
                    .notAuthorised, "\(access.server) rejected the token that \(hub.routes) gave for it",
                    fix: "run it again; if the error stays, the Hub and its Xet server disagree")
            }
        }
        return nil
    }

    /// Asked of the Hub by one task at a time, and kept until shortly before it expires.
    private func access(to scope: Scope) async throws -> XetAccess? {
        try await accesses.value(for: scope, isCurrent: { $0?.isFresh(at: Machine.now) ?? true }) {
            try await hub.xetAccess(to: scope.repository, at: scope.commit)
        }
    }

    /// Tasks that wait for another task's request.
    package var waitingTasks: Int { accesses.waiting }

    private enum Answer {
        case body([UInt8])
        case notThere
        case refused
    }

    /// The server's answer, asked for again while the failure may pass.
    private func ask(_ url: WebURL, _ range: Range<UInt64>?, _ access: XetAccess) async throws -> Answer {
        try await TransientFailure.retrying {
            var way = Redirects(from: url, limit: access.limit)
            var request = HTTPRequest(.get)
            request.range = range
            let exchange = try await hub.client.follow(request, &way, by: .token(access.header))
            switch exchange.head.status {
            case 200, 206: return .body(try await XetSource.body(of: exchange))
            case 404, 501: return .notThere
            case 401: return .refused
            case 416: throw CakeError(.damaged, "Xet has a shorter file than the Hub lists")
            default: throw XetSource.failure(exchange.head, access)
            }
        }
    }

    /// As long as it may be, and no longer.
    private static func body(of exchange: HTTPExchange) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        let announced = exchange.head.contentLength ?? 0
        while let chunk = try await TransientFailure.naming({ try await exchange.next() }) {
            defer { exchange.giveBack(chunk) }
            guard bytes.count + chunk.count <= XetReconstruction.maximumSize,
                announced <= UInt64(XetReconstruction.maximumSize)
            else {
                throw CakeError(
                    .damaged, "Xet's answer about it is longer than the limit of \(XetReconstruction.maximumSize) bytes"
                )
            }
            chunk.withBytes { piece in for index in piece.indices { bytes.append(piece[index]) } }
        }
        return bytes
    }

    private static func failure(_ head: HTTPHead, _ access: XetAccess) -> any Error {
        let error = CakeError(
            head.status == 403 ? .notAuthorised : .network, "\(access.server) answered with status \(head.status)")
        guard Retry.isTransient(status: head.status) else { return error }
        let asked = Retry.asked(retryAfter: head["retry-after"], rateLimit: head["ratelimit"], now: Machine.now)
        return TransientFailure(error, asked: asked)
    }
}

extension HubSource {
    /// Nil when the Hub has no Xet for this repository.
    func xetAccess(to repository: HubRepository, at commit: String) async throws -> XetAccess? {
        let url = routes.xetReadToken(of: repository, at: commit)
        let answer = try await document(
            at: url, question(repository, commit), limit: XetAccess.maximumSize, accepting: [200, 404, 405, 501])
        guard answer.head.status == 200 else { return nil }
        return try XetAccess(parsing: answer.body.span, from: url, at: answer.head.reach)
    }
}
