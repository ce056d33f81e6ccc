internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

/// A Hub's answers, from the models of the store. Read-only.
struct HubAnswers: Sendable {
    let models: HubModels
    let visibility: Visibility
    /// Downloads missing models, if the server has an upstream.
    let mirror: Mirror?
    let speaksTLS: Bool

    /// A request and its address, read as a Hub's.
    struct Asked: Sendable {
        let request: ServerRequest
        let target: RequestTarget
        let caller: Caller
        fileprivate let speaksTLS: Bool

        var asker: Mirror.UpstreamIdentity { caller.asker(request) }

        /// As the client knows this server: the next page of a listing is asked for where it says, in full.
        var origin: String {
            let isSecure = speaksTLS || request["x-forwarded-proto"] == "https"
            return (isSecure ? "https://" : "http://") + (request["host"] ?? "localhost")
        }
    }

    /// Nil for an address that a Hub does not have. A name that the Hub part does not have may be answered `otherwise`.
    func intake(
        of request: ServerRequest, _ caller: Caller,
        otherwise: @escaping @Sendable () async throws -> ServerReply? = { nil }
    ) -> ServerIntake? {
        guard let target = RequestTarget(request.address, ofHub: true),
            let meaning = HubAnswers.quantization(request, target) ?? HubRequest(target.parts)
        else { return nil }
        let asked = Asked(request: request, target: target, caller: caller, speaksTLS: speaksTLS)
        // Like the Hub, which hides a repository's existence from callers that may not read it.
        guard caller.mayAsk else { return .refusal(reply(to: HubRefusal.noToken, asked)) }
        if let repository = meaning.repository, !visibility.shows(repository, to: caller) {
            return .refusal(reply(to: HubRefusal.noRepository, asked))
        }
        if case .pathsInfo(let repository, let revision) = meaning, request.method == "POST" {
            return .holding(atMost: HubAnswers.longestForm) { body in
                await answer(asked) { try await pathsInfo(repository, revision, body, asked) }
            }
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            return .refusal(reply(to: HubRefusal.readOnly, asked))
        }
        return .patient {
            await answer(asked) {
                do {
                    return try await self.reply(to: meaning, asked)
                } catch let refusal as HubRefusal where refusal == .noGGUF || refusal.code == .noRepository {
                    if let other = try? await otherwise() { return other }
                    throw refusal
                }
            }
        }
    }

    /// Of the paths that are asked about at once.
    private static let longestForm = 4 << 20

    private func reply(to meaning: HubRequest, _ asked: Asked) async throws -> ServerReply {
        switch meaning {
        case .whoAmI: try whoAmI(asked)
        case .list(let kind): try list(kind, asked)
        case .info(let repository, let revision): try await info(repository, revision, asked)
        case .tree(let repository, let revision, let folder): try await tree(repository, revision, folder, asked)
        case .revisions(let repository): try await revisions(of: repository, asked)
        case .commits(let repository, let revision): try await commits(of: repository, revision, asked)
        case .authCheck(let repository, let isToWrite): try await authCheck(repository, isToWrite: isToWrite, asked)
        case .file(let repository, let revision, let path): try await file(path, in: repository, revision, asked)
        case .raw(let repository, let revision, let path): try await raw(path, in: repository, revision, asked)
        case .quantization(let repository, let tag): try await quantized(repository, tag, asked)
        case .likers(let repository): try await likers(of: repository, asked)
        case .discussions(let repository): try await discussions(of: repository, asked)
        case .emptyList: ServerReply([], 200)
        case .noRepository: throw HubRefusal.noRepository
        case .noRevision: throw HubRefusal.noRevision
        case .pathsInfo, .nothing: throw HubRefusal.nothing
        }
    }

    private func answer(_ asked: Asked, _ body: () async throws -> ServerReply) async -> ServerReply {
        do {
            return try await body()
        } catch let refusal as HubRefusal {
            return reply(to: refusal, asked)
        } catch {
            // Details of the disk stay here.
            return reply(to: HubRefusal.failed, asked)
        }
    }

    private func reply(to refusal: HubRefusal, _ asked: Asked) -> ServerReply {
        if asked.target.parts.first == "v2" {
            return ServerReply(
                ["error": .string(refusal.message)], refusal.status, refusal.headers + [HubAnswers.varies])
        }
        guard asked.target.parts.first == "api" else {
            let type = (name: "Content-Type", value: "text/plain; charset=utf-8")
            return ServerReply(refusal.status, [type] + refusal.headers, .bytes(Array(refusal.message.utf8)))
        }
        return ServerReply(["error": .string(refusal.message)], refusal.status, refusal.headers)
    }

    private func authCheck(
        _ repository: HubRepository, isToWrite: Bool, _ asked: Asked
    ) async throws -> ServerReply {
        _ = try await view(of: repository, nil, asked)
        if isToWrite { throw HubRefusal(403, nil, "This server is read-only") }
        return ServerReply([:], 200)
    }
}

extension ServerReply {
    init(_ document: JSONValue, _ status: Int, _ headers: [(name: String, value: String)] = []) {
        self.init(
            status, [("Content-Type", "application/json; charset=utf-8")] + headers, .bytes(document.bytes(.compact)))
    }
}
