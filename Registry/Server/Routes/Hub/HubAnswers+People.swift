import Model
import Network
import Platform

/// Requests about people. This server has only tokens: the lists are empty.
extension HubAnswers {
    func likers(of repository: HubRepository, _ asked: Asked) async throws -> ServerReply {
        _ = try await view(of: repository, nil, asked)
        return ServerReply([], 200)
    }

    func discussions(of repository: HubRepository, _ asked: Asked) async throws -> ServerReply {
        _ = try await view(of: repository, nil, asked)
        return ServerReply(["discussions": [], "count": 0, "start": 0, "numClosedDiscussions": 0], 200)
    }

    /// The token's name replaces the person's.
    func whoAmI(_ asked: Asked) throws -> ServerReply {
        guard let token = asked.caller.token else {
            throw HubRefusal(401, nil, "No token of this server was sent")
        }
        let name = JSONValue.string(token.name)
        let role: JSONValue = token.push.isEmpty ? "read" : "write"
        return ServerReply(
            [
                "type": "user", "id": .string(String(token.secret.hex.prefix(24))), "name": name, "fullname": name,
                "isPro": false, "avatarUrl": "", "orgs": [],
                "auth": ["type": "access_token", "accessToken": ["displayName": name, "role": role]],
            ], 200)
    }
}
