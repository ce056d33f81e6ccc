import Model
import Platform
internal import Storage
import Store

/// `cake serve token add|ls|rm`: who may do what in the registry.
struct TokenWork {
    private enum Action {
        case add(String, read: [RepositoryPattern], push: [RepositoryPattern])
        case list
        case remove(String)
    }

    private let action: Action
    private let storage: StorageOptions?

    static let actions = ["add", "ls", "rm"]

    init(
        _ word: String?, _ name: String?, read: [RepositoryPattern], push: [RepositoryPattern], hasPush: Bool,
        in storage: StorageOptions?
    ) throws(CakeError) {
        self.storage = storage
        func named() throws(CakeError) -> String {
            guard let name else {
                throw CakeError(.usage, "a token needs a name", fix: "cake serve token \(word ?? "add") ci")
            }
            return name
        }
        switch word {
        case "add":
            guard !hasPush || !push.isEmpty else {
                throw CakeError(
                    .usage, "--push needs a pattern",
                    fix: "cake serve token add NAME --push='team/*', or '*' for every repository")
            }
            action = .add(try named(), read: read.isEmpty && push.isEmpty ? [.all] : read, push: push)
        case "rm": action = .remove(try named())
        case "ls", nil: action = .list
        case let word?:
            throw CakeError(
                .usage, "cake serve token has no \"\(Printable.escape(word))\"", fix: "use add, ls or rm"
            )
        }
    }

    func run(in session: Session) async throws {
        let registry =
            if let storage { try await storage.registry(in: session, pool: session.pool) } else {
                try RegistryStore(session.openStore())
            }
        switch action {
        case .add(let name, let read, let push):
            let secret = try registry.addToken(name, read: read, push: push)
            session.reporter.note("this is shown once; clients give it as the password of any user:")
            session.show(TokenMade(name: name, secret: secret))
        case .remove(let name):
            try registry.removeToken(name)
            session.show(TokenRemoved(name: name))
        case .list: session.show(TokenList(tokens: try registry.tokens()))
        }
    }
}
