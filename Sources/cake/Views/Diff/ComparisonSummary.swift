import Model

/// How two models differ.
struct ComparisonSummary: Summary {
    let comparison: Comparison
    let listsTensors: Bool
    /// The exit status is the answer: a person who wants quiet wants nothing else.
    let answersByStatus: Bool

    func lines(on page: Page) -> [String] {
        ComparisonDrawing(comparison: comparison)
            .lines(listingTensors: listsTensors, width: page.tableWidth, style: page.style)
    }

    func quietLines(on page: Page) -> [String] { answersByStatus ? [] : lines(on: page) }

    var document: JSONValue { .object(ComparisonDocument.document(comparison)) }

    /// Numbers are of single tensors: with them, the changed tensors are listed.
    var longList: LongList? {
        guard listsTensors || comparison.numbers != nil else { return nil }
        return LongList(key: "tensors", elements: ComparisonDocument.tensors(comparison, all: listsTensors))
    }
}
