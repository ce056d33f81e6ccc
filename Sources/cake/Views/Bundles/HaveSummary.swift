import Model

/// A list for `cake save --not-in`.
struct HaveSummary: Finding {
    let list: LayerList

    func lines(on page: Page) -> [String] {
        String(decoding: list.encoded, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    var document: JSONValue { [:] }

    var longList: LongList? {
        LongList(
            key: "layers",
            elements: list.layers.lazy.map { layer -> JSONValue in
                ["digest": JSONValue(layer.digest.hex), "size": JSONValue(layer.size)]
            })
    }
}
