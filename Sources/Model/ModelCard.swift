/// What a model's card says of where the model comes from. Cards are prose with a few keys in front, between lines of
/// three dashes; only the one key that matters here is sought, and nothing of YAML beyond it is understood.
public enum ModelCard {
    public static let fileName = "README.md"

    /// The value of `base_model`, or the first of its list. Safe to print.
    public static func baseModel(in card: Span<UInt8>) -> String? {
        // The keys stand in front: what comes after many lines of them is no card.
        let text = String(decoding: (0..<min(card.count, 64 << 10)).map { card[$0] }, as: UTF8.self)
        let lines = text.split(maxSplits: 1000, omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(
            trimmed)
        guard lines.first == "---" else { return nil }
        let keys = lines.dropFirst().prefix { $0 != "---" }
        guard let place = keys.firstIndex(where: { $0.hasPrefix("base_model:") }) else { return nil }
        let value = unquoted(trimmed(keys[place].dropFirst("base_model:".count)))
        if !value.isEmpty { return accepted(value) }
        guard let next = keys[(place + 1)...].first, next.hasPrefix("- ") else { return nil }
        return accepted(unquoted(trimmed(next.dropFirst(2))))
    }

    /// The keys in front whose value is a text, a truth or a list of texts.
    public static func facts(in card: Span<UInt8>) -> JSONObject {
        let text = String(decoding: (0..<min(card.count, 64 << 10)).map { card[$0] }, as: UTF8.self)
        let lines = text.split(maxSplits: 1000, omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.first == "---" else { return JSONObject() }
        var facts = JSONObject()
        var list: (key: String, values: [JSONValue])?
        func scalar(_ text: Substring) -> JSONValue {
            let plain = unquoted(trimmed(text))
            return plain == "true" || plain == "false" ? .bool(plain == "true") : .string(String(plain))
        }
        func end() { if let list, !list.values.isEmpty { facts.append(list.key, .array(list.values)) } }
        for line in lines.dropFirst() {
            if line == "---" { break }
            let words = trimmed(line)
            if words.hasPrefix("- "), let key = list?.key {
                // An entry with keys of its own is more than is understood here.
                list?.values.append(contentsOf: words.contains(": ") ? [] : [scalar(words.dropFirst(2))])
                if words.contains(": ") { list = (key, []) }
                continue
            }
            guard line.first?.isWhitespace == false, let colon = line.firstIndex(of: ":") else { continue }
            end()
            let (key, value) = (String(line[..<colon]), trimmed(line[line.index(after: colon)...]))
            list = nil
            switch value.first {
            case nil: list = (key, [])
            case "[" where value.last == "]":
                let members = value.dropFirst().dropLast().split(separator: ",").map { scalar($0) }
                facts.append(key, .array(members))
            case "{", "[", "|", ">", "&", "*": continue
            default: facts.append(key, scalar(value))
            }
        }
        end()
        return facts
    }

    /// A name of reasonable length: anything else is prose.
    static func accepted(_ name: some StringProtocol) -> String? {
        guard !name.isEmpty, name.utf8.count <= 200, !name.contains(where: \.isWhitespace) else { return nil }
        return Printable.escape(String(name))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> Substring {
        // An inline list: its first member.
        if text.first == "[" { return unquoted(trimmed(text.dropFirst().prefix { $0 != "," && $0 != "]" })) }
        guard let quote = text.first, quote == "\"" || quote == "'", text.last == quote, text.count > 1 else {
            return text
        }
        return text.dropFirst().dropLast()
    }
}

extension Facts {
    /// The model this one was made from: what an adapter's configuration says, else what the card says.
    public static func baseModel(adapterConfig: JSONValue?, card: Span<UInt8>?) -> String? {
        if let name = adapterConfig?["base_model_name_or_path"]?.string, let base = ModelCard.accepted(name) {
            return base
        }
        guard let card else { return nil }
        return ModelCard.baseModel(in: card)
    }
}
