/// Which models have to be signed, and by whom: lines of a person's settings, `policy.PATTERN = require KEY, KEY`. Whoever wants
/// one model of a group without, writes a longer pattern: `policy.org/m = accept`.
public struct SignaturePolicy: Hashable, Sendable {
    public struct Rule: Hashable, Sendable, CustomStringConvertible {
        /// As it was written. `*` matches anything, and letters match in both cases: the Hub's names do.
        public let pattern: String
        /// Files of public keys, or of certificates whose holders may sign. One of them is enough; none accepts any model.
        public var keys: [String]

        public init(_ pattern: String, keys: [String]) { (self.pattern, self.keys) = (pattern, keys) }

        public var requires: Bool { !keys.isEmpty }

        public var description: String {
            "\(SignaturePolicy.prefix)\(pattern) = \(requires ? "require \(keys.joined(separator: ", "))" : "accept")"
        }

        fileprivate func fits(_ name: String) -> Bool { StarPattern(pattern.lowercased()).fits(name.lowercased()) }
    }

    /// Of its keys in the settings.
    public static let prefix = "policy."
    static let advice = "write it like policy.org/* = require /path/key.pub, or policy.org/m = accept"
    private static let longest = 400
    private static let mostKeys = 100

    public var rules: [Rule]

    public init(_ rules: [Rule]) { self.rules = rules }

    /// What a model has to fulfil that comes from `source` and gets the name: each of its names has one rule, the longest that
    /// fits. A name of a person's own does not hide where a model is from.
    public func demands(on names: [String]) -> [Rule] {
        var found: [Rule] = []
        for name in names {
            let rule = rules.filter { $0.fits(name) }.max {
                ($0.pattern.utf8.count, $0.requires ? 1 : 0) < ($1.pattern.utf8.count, $1.requires ? 1 : 0)
            }
            if let rule, rule.requires, !found.contains(rule) { found.append(rule) }
        }
        return found
    }
}

extension SignaturePolicy.Rule {
    /// What stands behind `policy.`.
    public static func check(pattern: String) throws(CakeError) {
        let isPlain = pattern.unicodeScalars.allSatisfy { Printable.isPlain($0) && $0 != " " }
        guard !pattern.isEmpty, pattern.utf8.count <= SignaturePolicy.longest, isPlain else {
            throw CakeError(
                .usage, "\"\(Printable.escape(String(pattern.prefix(100))))\" is not a pattern for names",
                fix: SignaturePolicy.advice)
        }
    }

    public init(_ pattern: String, parsing value: String) throws(CakeError) {
        try SignaturePolicy.Rule.check(pattern: pattern)
        self.init(pattern, keys: [])
        if value == "accept" { return }
        let words = value.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, words[0] == "require" else {
            throw CakeError(
                .usage, "\"\(Printable.escape(String(value.prefix(100))))\" is neither accept nor require with a key",
                fix: SignaturePolicy.advice)
        }
        for part in words[1].split(separator: ",", omittingEmptySubsequences: false) {
            let path = String(part.drop { $0 == " " }).trimmingSpaces
            // Read from any folder.
            guard path.hasPrefix("/") || path.hasPrefix("~/") else {
                throw CakeError(
                    .usage, "\"\(Printable.escape(String(path.prefix(100))))\" does not begin with / or ~/",
                    fix: SignaturePolicy.advice)
            }
            keys.append(path)
        }
        guard keys.count <= SignaturePolicy.mostKeys else {
            throw CakeError(.usage, "\(keys.count) keys; the limit is \(SignaturePolicy.mostKeys)")
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(decoding: utf8.reversed().drop { $0 == 0x20 }.reversed(), as: UTF8.self)
    }
}
