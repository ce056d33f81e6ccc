/// The shapes in which a server also shows the store's models, and what their tags end with: `v1-image`.
public struct ShapeViews: Hashable, Sendable {
    public struct View: Hashable, Sendable {
        public let shape: WrittenShape
        public let suffix: String
    }

    public let all: [View]

    /// Of no shape but cake's own.
    public static let off = ShapeViews(views: [])

    private init(views: [View]) { all = views }

    public init(_ shapes: [WrittenShape]) { all = shapes.map { View(shape: $0, suffix: "-\($0.rawValue)") } }

    /// `modelpack,image`, or with suffixes of one's own: `modelpack=.mp,image=-oci`.
    public init(_ text: String) throws(CakeError) {
        var all: [View] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            func refuse(_ why: String) -> CakeError {
                CakeError(
                    .usage, "\"\(Printable.escape(String(word)))\" \(why)",
                    fix: "write --views \(WrittenShape.allCases.map(\.rawValue).joined(separator: ",")), "
                        + "or with another ending of tags: --views image=-oci")
            }
            guard let shape = WrittenShape(rawValue: parts[0]) else { throw refuse("is no shape that cake shows") }
            let suffix = parts.count > 1 ? parts[1] : "-\(shape.rawValue)"
            guard !suffix.isEmpty, suffix.utf8.count <= 32, TagName("v" + suffix) != nil else {
                throw refuse("has an ending that no tag can have")
            }
            guard !all.contains(where: { $0.shape == shape || $0.suffix == suffix }) else {
                throw refuse("has a shape or an ending that is there already")
            }
            all.append(View(shape: shape, suffix: suffix))
        }
        self.all = all
    }

    public var isEmpty: Bool { all.isEmpty }

    /// What a tag may mean: a model's own tag, and a shape. The longest ending is the first.
    public func meanings(of tag: TagName) -> [(tag: TagName, shape: WrittenShape)] {
        let sorted = all.sorted { $0.suffix.utf8.count > $1.suffix.utf8.count }
        return sorted.compactMap { view -> (tag: TagName, shape: WrittenShape)? in
            guard tag.text.utf8.count > view.suffix.utf8.count, tag.text.hasSuffix(view.suffix) else { return nil }
            return TagName(tag.text.dropLast(view.suffix.count)).map { (tag: $0, shape: view.shape) }
        }
    }

    /// The tag of a model in a shape; nil where it would be too long.
    public func tag(_ tag: TagName, as view: View) -> TagName? { TagName(tag.text + view.suffix) }
}
