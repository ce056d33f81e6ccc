import Model
import Network
import Platform

/// Asks a Hub whose token it is.
enum Identity {
    static func ask(_ hub: HubRoutes, with token: HubToken, _ settings: Settings) async throws -> HubIdentity {
        let client = try HTTPClient(settings.http)
        var way = Redirects(from: hub.whoAmI)
        while true {
            var request = HTTPRequest(.get, along: way)
            if way.mayCarryToken { request.headers.append(token.header) }
            let (head, body): (HTTPHead, [UInt8])
            do {
                (head, body) = try await client.fetch(request, limit: 1 << 20)
            } catch let error as CakeError where error.kind == .network {
                throw CakeError(
                    .network, "\(way.url.origin): \(error.what)",
                    fix: error.fix ?? "is the network there, and HF_ENDPOINT right?")
            }
            if [301, 302, 303, 307, 308].contains(head.status) {
                try way.follow(head["location"], at: head.reach)
                continue
            }
            guard head.status == 200 else {
                let answer = HubAnswer(
                    status: head.status, code: head["x-error-code"], message: head["x-error-message"], body: body.span)
                throw answer.error(to: HubQuestion(hub, repository: nil, hasToken: true))
            }
            return try HubIdentity(parsing: body.span)
        }
    }
}
