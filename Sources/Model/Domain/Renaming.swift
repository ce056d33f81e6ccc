/// Other names for tensors. Each rule is `OLD=NEW`, where OLD is how a name begins, or `/REGEX/=NEW`, where every match
/// is replaced and `\1` is the first group. Rules apply one after the other.
///
/// As with `TensorFilter`, a regular expression comes from the person who types it.
public struct Renaming {
    private enum Rule {
        case start(String, String)
        case regex(Regex<AnyRegexOutput>, String)
    }

    private let rules: [Rule]

    public init(_ texts: [String] = []) throws(CakeError) {
        rules = try texts.map(Renaming.rule)
    }

    private static func rule(_ text: String) throws(CakeError) -> Rule {
        let refusal = CakeError(
            .usage, "\"\(Printable.escape(text))\" is not a renaming", fix: "write OLD=NEW, or /REGEX/=NEW")
        guard text.hasPrefix("/") else {
            guard let sign = text.firstIndex(of: "="), sign > text.startIndex else { throw refusal }
            return .start(String(text[..<sign]), String(text[text.index(after: sign)...]))
        }
        guard let end = text.firstRange(of: "/=") else { throw refusal }
        guard let regex = try? Regex(String(text[..<end.lowerBound].dropFirst())) else { throw refusal }
        return .regex(regex.matchingSemantics(.unicodeScalar), String(text[end.upperBound...]))
    }

    public func name(for name: ExactText) -> ExactText {
        var text = name.string
        for rule in rules {
            switch rule {
            case .start(let old, let new):
                guard text.utf8.starts(with: old.utf8) else { continue }
                text = new + String(Substring(text.utf8.dropFirst(old.utf8.count)))
            case .regex(let regex, let new):
                text = text.replacing(regex) { match in Renaming.fill(new, with: match.output) }
            }
        }
        return ExactText(text)
    }

    /// `\1` to `\9` are groups, `\\` is a backslash.
    private static func fill(_ template: String, with groups: AnyRegexOutput) -> String {
        var result = ""
        var isEscaped = false
        for scalar in template.unicodeScalars {
            if isEscaped {
                isEscaped = false
                if let number = Int(String(scalar)), number > 0 {
                    if number < groups.count { result += groups[number].substring ?? "" }
                } else {
                    result.unicodeScalars.append(scalar)
                }
            } else if scalar == "\\" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
