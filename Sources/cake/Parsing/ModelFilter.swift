import Model

/// Which models a listing shows.
enum ModelFilter: Hashable, Sendable {
    case pinned(Bool)
    case larger(bytes: UInt64)
    case smaller(bytes: UInt64)
    case newer(Duration)
    case older(Duration)

    static let help = "only models that match: pinned=yes|no, larger=SIZE, smaller=SIZE, newer=TIME, older=TIME"

    /// What the Tab key offers.
    static let beginnings = ["pinned=yes", "pinned=no", "larger=", "smaller=", "newer=", "older="]

    static func read(_ text: String) throws(CakeError) -> ModelFilter {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        switch parts[0] {
        case "pinned":
            switch value.lowercased() {
            case "yes", "true", "": return .pinned(true)
            case "no", "false": return .pinned(false)
            default: throw CakeError(.usage, "the filter pinned is yes or no", fix: "write --filter pinned=yes")
            }
        case "larger": return .larger(bytes: try Quantities.readBytes(value))
        case "smaller": return .smaller(bytes: try Quantities.readBytes(value))
        case "newer": return .newer(try Quantities.readDuration(value))
        case "older": return .older(try Quantities.readDuration(value))
        default:
            let known = ["pinned", "larger", "smaller", "newer", "older"]
            let nearest = Suggestion.nearest(to: parts[0], among: known)
            throw CakeError(
                .usage, "there is no filter \"\(Printable.escape(parts[0]))\"",
                fix: nearest.map { "did you mean \($0)?" } ?? "the filters are \(known.joined(separator: ", "))")
        }
    }
}
