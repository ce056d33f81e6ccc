/// Where a model comes from, by its card. Cards are prose with a few keys in front.
public enum ModelCard {
    public static let fileName = "README.md"

    /// The value of `base_model`, or the first of its list. Safe to print.
    public static func baseModel(in card: Span<UInt8>) -> String? {
        let value = facts(in: card)["base_model"]
        return (value?.string ?? value?.array?.first?.string).flatMap { accepted($0) }
    }

    /// The keys in front whose value is a text, a boolean or a list of texts.
    public static func facts(in card: Span<UInt8>) -> JSONObject { FrontMatter(of: card).keys }

    /// A name of reasonable length: anything else is prose.
    static func accepted(_ name: some StringProtocol) -> String? {
        guard !name.isEmpty, name.utf8.count <= 200, !name.contains(where: \.isWhitespace) else { return nil }
        return Printable.escape(String(name))
    }
}

extension Facts {
    /// The base model: from an adapter's configuration, else from the card.
    public static func baseModel(adapterConfig: JSONValue?, card: Span<UInt8>?) -> String? {
        if let name = adapterConfig?["base_model_name_or_path"]?.string, let base = ModelCard.accepted(name) {
            return base
        }
        guard let card else { return nil }
        return ModelCard.baseModel(in: card)
    }
}
