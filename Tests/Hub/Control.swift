public import Model

/// Commands of test programs for a hub.
extension Hub {
    /// Nil for other requests.
    func control(_ asked: Asked) -> Reply? {
        switch (asked.method, asked.rawPath) {
        case ("GET", "/_log"):
            return Reply(200, [], body: [.bytes(requests.flatMap { $0.json.bytes(.compact) + [10] })])
        case ("DELETE", "/_log"): forgetRequests()
        case ("POST", "/_relay"), ("POST", "/_relay/xet"):
            guard let base = try? JSONValue(parsing: asked.body.span).string else {
                return Reply(400, json: ["error": "no URL"])
            }
            sendToRelay(base, for: asked.rawPath.hasSuffix("/xet") ? .cas : .cdn)
        case ("POST", "/_release"): release()
        case ("POST", "/_expire"): expireSignedURLs()
        case ("DELETE", "/_misbehave"): behave()
        case ("POST", "/_misbehave"):
            do {
                for rule in try MisbehaviourText.read(asked.body) { misbehave(rule.acts, when: rule.match) }
            } catch {
                return Reply(400, json: ["error": .string("\(error)")])
            }
        default: return asked.rawPath.hasPrefix("/_") ? Reply(404, json: ["error": "no such control"]) : nil
        }
        return Reply(json: ["ok": true])
    }
}

extension HubRequest {
    /// Without the token.
    public var json: JSONValue {
        [
            "at": .string(place.rawValue), "connection": JSONValue(connection), "method": .string(method),
            "path": .string(path),
            "range": JSONValue(range), "host": JSONValue(host), "authorization": .bool(authorization != nil),
            "status": status.map { JSONValue($0) } ?? nil, "sent": JSONValue(sent), "done": .bool(isDone),
        ]
    }
}
