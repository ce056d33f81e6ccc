/// The credentials that a server requires: the scheme and parameters of a `WWW-Authenticate` header.
public struct Challenge: Hashable, Sendable {
    /// In lower case: `bearer`, `basic`.
    public let scheme: String
    private let parameters: [String: String]

    public subscript(name: String) -> String? { parameters[name] }

    /// Every challenge in the header, in its order. Commas within quotes do not separate, and a backslash there
    /// protects the next character. Text that cannot be read ends the list.
    public static func all(in header: String) -> [Challenge] {
        var reader = Reader(rest: Array(header.utf8)[...])
        var found: [Challenge] = []
        reader.skip(commas: true)
        while let scheme = reader.word() {
            var parameters: [String: String] = [:]
            reader.skip(commas: false)
            while let (name, value) = reader.parameter() {
                // The first counts: adding a second must not change it.
                if parameters[name] == nil { parameters[name] = value }
                reader.skip(commas: true)
            }
            found.append(Challenge(scheme: scheme, parameters: parameters))
            reader.skip(commas: true)
        }
        return found
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func skip(commas: Bool) {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || commas && $0 == UInt8(ascii: ",") }
        }

        /// In lower case.
        mutating func word() -> String? {
            let word = rest.prefix { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
            guard !word.isEmpty else { return nil }
            rest = rest[word.endIndex...]
            return String(decoding: word, as: UTF8.self).lowercased()
        }

        /// Nil, and nothing is consumed, if there is no `name=value`.
        mutating func parameter() -> (String, String)? {
            var ahead = self
            guard let name = ahead.word() else { return nil }
            ahead.skip(commas: false)
            guard ahead.rest.popFirst() == UInt8(ascii: "=") else { return nil }
            ahead.skip(commas: false)
            guard let value = ahead.rest.first == UInt8(ascii: "\"") ? ahead.quoted() : ahead.plain() else {
                return nil
            }
            self = ahead
            return (name, value)
        }

        private mutating func plain() -> String? {
            let value = rest.prefix { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"") }
            rest = rest[value.endIndex...]
            return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
        }

        private mutating func quoted() -> String? {
            var value: [UInt8] = []
            rest.removeFirst()
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(validating: value, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let next = rest.popFirst() else { return nil }
                    value.append(next)
                default: value.append(byte)
                }
            }
            return nil
        }
    }
}

/// The rights of a token: `repository:team/model:pull,push`.
public struct RegistryScope: Hashable, Sendable, CustomStringConvertible {
    public enum Action: String, CaseIterable, Sendable { case pull, push, delete }

    public let repository: RepositoryName
    public let actions: Set<Action>

    public init(_ repository: RepositoryName, _ actions: Set<Action>) {
        self.repository = repository
        self.actions = actions
    }

    /// Nil for another kind of scope, and for an unknown action.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "repository", let name = RepositoryName(String(parts[1])) else {
            return nil
        }
        var actions: Set<Action> = []
        for word in parts[2].split(separator: ",") {
            guard let action = Action(rawValue: String(word)) else { return nil }
            actions.insert(action)
        }
        self.init(name, actions)
    }

    public var description: String {
        "repository:\(repository):" + Action.allCases.filter(actions.contains).map(\.rawValue).joined(separator: ",")
    }
}
