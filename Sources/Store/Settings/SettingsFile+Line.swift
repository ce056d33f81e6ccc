package import Model

extension SettingsFile {
    package static func setting(in line: String) throws(CakeError) -> Setting? {
        let text = trimmed(line)
        guard !text.isEmpty, text.utf8.first != UInt8(ascii: "#") else { return nil }
        guard let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            throw CakeError(
                .usage, "\"\(Printable.escape(String(text.prefix(100))))\" is not a setting",
                fix: "write KEY = VALUE, or # before a comment")
        }
        let known = try check(key: trimmed(String(text[..<sign])))
        let value = trimmed(String(text[text.utf8.index(after: sign)...]))
        return Setting(key: known, value: try check(value: value, of: known))
    }

    /// A key that something listens to.
    package static func check(key: String) throws(CakeError) -> String {
        if Key(rawValue: key) != nil { return key }
        if key.utf8.starts(with: aliasPrefix.utf8) {
            let name = String(key.dropFirst(aliasPrefix.count))
            do {
                _ = try ModelName(name)
            } catch {
                throw CakeError(.usage, "this cannot be the name of an alias: \(error.what)", fix: error.fix)
            }
            guard !name.utf8.contains(where: { "@/:=#".utf8.contains($0) }) else {
                throw CakeError(
                    .usage, "an alias is one short word: \"\(name)\" holds one of @ / : = #",
                    fix: "write it like alias.base = org/name")
            }
            return key
        }
        if key.utf8.starts(with: policyPrefix.utf8) {
            try SignaturePolicy.Rule.check(pattern: String(key.dropFirst(policyPrefix.count)))
            return key
        }
        let words = Key.allCases.map(\.rawValue)
        let near = Suggestion.nearest(to: key, among: words + [aliasPrefix + "NAME", policyPrefix + "PATTERN"])
        throw CakeError(
            .usage, "there is no setting \"\(Printable.escape(String(key.prefix(100))))\"",
            fix: near.map { "did you mean \($0)?" }
                ?? "there are \(words.joined(separator: ", ")), alias.NAME and policy.PATTERN")
    }

    package static func check(value: String, of key: String) throws(CakeError) -> String {
        let value = trimmed(value)
        guard !value.isEmpty else {
            throw CakeError(.usage, "\(key) has no value", fix: "cake config --unset \(key) deletes it")
        }
        guard value.unicodeScalars.allSatisfy(Printable.isPlain) else {
            throw CakeError(.usage, "the value of \(key) holds a control character")
        }
        do throws(CakeError) {
            switch Key(rawValue: key) {
            case .endpoint: _ = try HubRoutes(endpoint: value)
            case .mirrors: _ = try HubRoutes.mirrors(value)
            case .raceMirrors: _ = try isOn(value)
            case .store: break
            case .maxWorkers:
                guard let count = Int(value), count > 0 else {
                    throw CakeError(.usage, "\"\(value)\" is not a number", fix: "write it like 16")
                }
            case .limitRate: _ = try Quantities.readBytes(value)
            case .signatureKey:
                // Read from any folder.
                guard value.hasPrefix("/") || value.hasPrefix("~/") else {
                    throw CakeError(
                        .usage, "\"\(value)\" does not begin with / or ~/",
                        fix: "cake config signature-key \"$PWD/\(value)\"")
                }
            case nil where key.utf8.starts(with: policyPrefix.utf8):
                _ = try SignaturePolicy.Rule(String(key.dropFirst(policyPrefix.count)), parsing: value)
            case nil: _ = try Reference(value)
            }
        } catch {
            throw CakeError(
                error.kind,
                "\(key): \(error.what.replacing("HF_ENDPOINT: ", with: "").replacing("mirrors: ", with: ""))",
                fix: error.fix)
        }
        return value
    }

    /// A switch as a file holds it.
    package static func isOn(_ value: String) throws(CakeError) -> Bool {
        switch value.lowercased() {
        case "on", "yes", "true", "1": return true
        case "off", "no", "false", "0": return false
        default: throw CakeError(.usage, "\"\(value)\" is not on or off", fix: "write on or off")
        }
    }

    /// Spaces, tabs and a carriage return around it taken off.
    private static func trimmed(_ text: String) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0d }
        let bytes = Array(text.utf8).drop(while: isSpace)
        return String(decoding: bytes.reversed().drop(while: isSpace).reversed(), as: UTF8.self)
    }
}
