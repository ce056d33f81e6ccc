package import Model

/// `~/.config/cake/config`: lines of `key = value`, comments from `#` on lines of their own. A change to one key leaves
/// all other lines as they are.
package struct SettingsFile: Hashable, Sendable {
    /// What can be set besides `alias.NAME`.
    package enum Key: String, CaseIterable, Sendable {
        case store
        case endpoint
        case mirrors
        case raceMirrors = "race-mirrors"
        case maxWorkers = "max-workers"
        case limitRate = "limit-rate"
        case signatureKey = "signature-key"

        package var meaning: String {
            switch self {
            case .store: "the folder of the store"
            case .endpoint: "the Hub, or a mirror of it"
            case .mirrors: "servers that a pull asks for files before the Hub, in order, with commas between"
            case .raceMirrors: "on to take whichever mirror answers first"
            case .maxWorkers: "how many connections a pull may open"
            case .limitRate: "how much a pull may fetch in a second, such as 20MB"
            case .signatureKey: "the public key that cake verify --signature uses"
            }
        }
    }

    package static let maximumSize = 1 << 20
    package static let aliasPrefix = "alias."
    package static let policyPrefix = SignaturePolicy.prefix

    private struct Line: Hashable, Sendable {
        let text: String
        /// Nil for a comment or an empty line.
        let setting: Setting?
    }

    package struct Setting: Hashable, Sendable {
        package let key: String
        package let value: String
    }

    private var lines: [Line] = []

    /// Without any line.
    package init() {}

    /// In the order of the file.
    package var settings: [Setting] { lines.compactMap(\.setting) }

    package subscript(key: String) -> String? {
        let wanted = ExactText(key)
        return settings.first { ExactText($0.key) == wanted }?.value
    }

    package subscript(key: Key) -> String? { self[key.rawValue] }

    /// The person's own short names.
    package var aliases: [String: String] {
        var aliases: [String: String] = [:]
        for setting in settings where setting.key.utf8.starts(with: SettingsFile.aliasPrefix.utf8) {
            aliases[String(setting.key.dropFirst(SettingsFile.aliasPrefix.count))] = setting.value
        }
        return aliases
    }

    /// Which models have to be signed, and by whom. Its paths are as they were typed.
    package func policy() throws(CakeError) -> SignaturePolicy {
        SignaturePolicy(
            try settings.filter { $0.key.utf8.starts(with: SettingsFile.policyPrefix.utf8) }.map {
                setting throws(CakeError) in
                let pattern = String(setting.key.dropFirst(SettingsFile.policyPrefix.count))
                return try SignaturePolicy.Rule(pattern, parsing: setting.value)
            })
    }

    package init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= SettingsFile.maximumSize, let text = String(copying: bytes) else {
            throw CakeError(.usage, "it is not text, or longer than \(SettingsFile.maximumSize) bytes")
        }
        var numbers: [ExactText: Int] = [:]
        var all = text.utf8.split(separator: lineFeed, omittingEmptySubsequences: false)
        if all.last?.isEmpty == true { all.removeLast() }
        for (index, line) in all.enumerated() {
            let line = String(Substring(line))
            do throws(CakeError) {
                let setting = try SettingsFile.setting(in: line)
                if let setting, let before = numbers.updateValue(index + 1, forKey: ExactText(setting.key)) {
                    throw CakeError(
                        .usage, "\(setting.key) is in line \(before) already", fix: "delete one of the two lines")
                }
                lines.append(Line(text: line, setting: setting))
            } catch {
                throw error.at("line \(index + 1)")
            }
        }
    }

    package var bytes: [UInt8] { lines.flatMap { Array($0.text.utf8) + [lineFeed] } }

    /// Where the key stands now; a new one at the end. Nil takes the line away.
    package mutating func set(_ key: String, to value: String?) throws(CakeError) {
        let wanted = ExactText(try SettingsFile.check(key: key))
        let place = lines.firstIndex { $0.setting.map { ExactText($0.key) == wanted } ?? false }
        guard let value else {
            if let place { lines.remove(at: place) }
            return
        }
        let setting = Setting(key: key, value: try SettingsFile.check(value: value, of: key))
        let line = Line(text: "\(key) = \(setting.value)", setting: setting)
        if let place { lines[place] = line } else { lines.append(line) }
    }
}
