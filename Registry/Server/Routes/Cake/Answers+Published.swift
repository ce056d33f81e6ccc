internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

extension Answers {
    /// The place of a Hub's repository here at a commit: the artifact whose manifest names each tensor's digest, with
    /// the files that are here. Only for callers that may read the files at the Hub's addresses.
    func published(_ asked: Asked) -> ServerIntake {
        .patient {
            do {
                guard let kind = asked.target["kind"].flatMap(HubRepository.Kind.init),
                    let repository = try? HubRepository(asked.target["id"] ?? "", kind: kind),
                    let commit = asked.target["commit"], Revision.isCommit(commit)
                else {
                    throw RegistryError(
                        400, .nameInvalid, "say which commit: ?kind=model&id=org/name&commit=40 hex digits")
                }
                guard let served = registry.served(repository, at: commit),
                    visibility.shows(served, to: asked.caller),
                    try await hub.gives(repository, at: commit, to: asked.caller, asked.request)
                else { throw Answers.notPublished }
                return ServerReply([
                    "repository": .string(served.place.repository.text),
                    "manifest": .string(try await registry.artifact(of: served).description),
                ])
            } catch {
                return ServerReply(failure: error)
            }
        }
    }

    private static let notPublished = RegistryError(
        404, .nameUnknown, "there is no layer of that repository and commit here")
}

extension HubAnswers {
    /// Whether the caller may read the files of a commit in the store.
    func gives(
        _ repository: HubRepository, at commit: String, to caller: Caller, _ request: ServerRequest
    ) async throws -> Bool {
        guard visibility.shows(repository, to: caller) else { return false }
        guard let mirror, mirror.settings.names.allow(repository) else { return true }
        if let made = try models.made(repository, commit, unless: { mirror.settings.upstream.gave($0) })?.model {
            return visibility.shows(made, to: caller)
        }
        do {
            _ = try await mirror.listing(of: repository, commit, for: caller.asker(request))
            return true
        } catch let refusal as HubRefusal {
            return refusal.isPassing || !mirror.settings.upstream.keepsCommits
        }
    }
}
