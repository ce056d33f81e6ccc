import Model

/// A token that is saved now.
struct LoginSummary: Summary {
    let hub: HubRoutes
    /// Nil when the Hub was not asked.
    let identity: HubIdentity?
    let path: String

    func lines(on page: Page) -> [String] {
        let name = identity.map { " as " + Printable.escape($0.name) } ?? ""
        return ["logged in to \(hub)\(name); the token is in \(Printable.escape(path))"]
    }

    var document: JSONValue { ["name": JSONValue(identity?.name), "path": JSONValue(path)] }
}

/// A registry's password that is kept now.
struct RegistryLoginSummary: Summary {
    let host: String
    let user: String
    /// Where: a file, or a credential helper.
    let place: String

    func lines(on page: Page) -> [String] {
        ["logged in to \(host) as \(Printable.escape(user)); the password is in \(Printable.escape(place))"]
    }

    var document: JSONValue {
        ["registry": JSONValue(host), "name": JSONValue(user), "path": JSONValue(place)]
    }
}

/// Whose token is sent.
struct IdentitySummary: Summary {
    let identity: HubIdentity
    let hub: HubRoutes
    /// A variable or a file.
    let source: String

    func lines(on page: Page) -> [String] {
        var lines: [String] = []
        if !identity.organisations.isEmpty { lines.append("in \(identity.organisations.joined(separator: ", "))") }
        let name = identity.tokenName.map { "token \"\($0)\"" } ?? "token"
        lines.append("\(name)\(identity.role.map { " (\($0))" } ?? "") from \(source)")
        lines.append("on \(hub)")
        return quietLines(on: page) + lines.map { "  " + Printable.escape($0) }
    }

    func quietLines(on page: Page) -> [String] { [page.style.paint(Printable.escape(identity.name), .strong)] }

    var document: JSONValue {
        [
            "name": JSONValue(identity.name), "fullname": JSONValue(identity.fullName),
            "organisations": .array(identity.organisations.map { JSONValue($0) }),
            "token": JSONValue(identity.tokenName), "role": JSONValue(identity.role),
            "endpoint": JSONValue(hub.origin.description + hub.prefix), "from": JSONValue(source),
        ]
    }
}

/// A token or a login that was removed, or was not there.
struct LogoutSummary: Summary {
    enum Kept { case token(path: String?), login(host: String) }

    let kept: Kept
    let wasThere: Bool

    private var lineAndNote: (line: String, note: String) {
        switch kept {
        case .token(let path): ("removed \(Printable.escape(path ?? ""))", "no token was saved")
        case .login(let host): ("logged out of \(host)", "there was no login for \(host)")
        }
    }

    var notes: [String] { wasThere ? [] : [lineAndNote.note] }

    func lines(on page: Page) -> [String] { wasThere ? [lineAndNote.line] : [] }

    var document: JSONValue {
        switch kept {
        case .token(let path): ["path": JSONValue(path), "removed": .bool(wasThere)]
        case .login(let host): ["registry": JSONValue(host), "removed": .bool(wasThere)]
        }
    }
}
