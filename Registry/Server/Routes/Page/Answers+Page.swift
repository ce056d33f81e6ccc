import Model
import Network
import Platform
internal import Storage

/// The page for people.
extension Answers {
    /// More models than a person reads.
    private static let mostListed = 500

    func page(_ asked: Asked) -> ServerIntake {
        // A browser asks its user for a token when it is told to, and only then.
        if asked.target["token"] != nil, !asked.caller.isKnown {
            return .refusal(ServerReply(RegistryError(401, .unauthorized, "give a token as the password of any user")))
        }
        return patient {
            let models = asked.caller.mayAsk ? try visibility.models(for: asked.caller) : []
            let rows = try Array(models.prefix(Answers.mostListed)).groups.flatMap { some in
                zip(some, try registry.summaries(of: some)).map { model, summary in
                    HomePage.Row(name: model.repository.text, tag: model.tag.text, size: summary?.bytes)
                }
            }
            let page = HomePage(
                host: asked.request["host"] ?? "localhost", origin: origin(of: asked.request), models: rows,
                others: models.count - rows.count, isClosed: !asked.caller.mayAsk, allowsPush: settings.allowsPush,
                isMirror: hub.mirror != nil, needsPlainHTTP: settings.certificate == nil && !isLoopback)
            return ServerReply(200, HomePage.headers, .bytes(Array(page.html.utf8)))
        }
    }

    private func origin(of request: ServerRequest) -> String {
        let isSecure = settings.certificate != nil || request["x-forwarded-proto"] == "https"
        return (isSecure ? "https://" : "http://") + (request["host"] ?? "localhost")
    }
}
