import Model
import Platform
import Store

/// A client's filters for a list. A filter that the models here have no data for is refused: an unfiltered list would
/// look like a filtered one.
struct HubFilter: Sendable {
    private let tags: [String]
    private let task: String?
    private let parameters: ClosedRange<UInt64>?
    /// Everything here is open to its readers, and runs nowhere.
    let isEmpty: Bool

    init(_ target: RequestTarget, _ kind: HubRepository.Kind) throws(HubRefusal) {
        if let name = HubFilter.unknown.first(where: { target[$0] != nil }) {
            throw HubRefusal(400, nil, "This server cannot filter by \(name): leave it out")
        }
        var tags = target.all("filter").flatMap { $0.split(separator: ",") }.map(String.init)
        for (name, prefix) in HubFilter.ofTags {
            tags += target.all(name).flatMap { $0.split(separator: ",") }.map { prefix + $0 }
        }
        self.tags = tags
        task = target["pipeline_tag"]
        parameters = try target["num_parameters"].map { text throws(HubRefusal) in try HubFilter.range(text) }
        var isEmpty = !target.all("inference_provider").isEmpty || target["inference"] == "warm"
        if let text = target["gated"] {
            switch text.lowercased() {
            case "true", "1", "auto", "manual": isEmpty = true
            case "false", "0": break
            default: throw HubRefusal(400, nil, "\"gated\" must be true or false")
            }
        }
        self.isEmpty = isEmpty
    }

    /// Filters by data that only the Hub has.
    private static let unknown = ["apps", "benchmark", "emissions_thresholds", "region", "trained_dataset"]
    private static let ofTags = [
        ("library", ""), ("language", ""), ("other", ""), ("license", "license:"), ("dataset", "dataset:"),
    ]

    func fits(_ object: JSONObject, _ manifest: Manifest) -> Bool {
        let has = Set((object["tags"]?.array ?? []).compactMap(\.string))
        guard tags.allSatisfy(has.contains), task == nil || object["pipeline_tag"]?.string == task else { return false }
        guard let parameters else { return true }
        return HubAnswers.weights(of: manifest)?["total"]?.unsigned.map(parameters.contains) ?? false
    }

    /// `min:6B,max:128B`, or one of both.
    private static func range(_ text: String) throws(HubRefusal) -> ClosedRange<UInt64> {
        let refusal = HubRefusal(400, nil, "\"num_parameters\" is written like min:6B,max:128B")
        var (low, high) = (UInt64(0), UInt64.max)
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        for word in words {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let number = number(parts[1]) else { throw refusal }
            switch parts[0] {
            case "min": low = number
            case "max": high = number
            default: throw refusal
            }
        }
        guard low <= high else { throw refusal }
        return low...high
    }

    /// `500M`, `1.5B`: B is a billion here.
    private static func number(_ text: Substring) -> UInt64? {
        let last = text.last.map { String($0).uppercased() }
        let unit = ["K": "K", "M": "M", "B": "G", "T": "T"][last ?? ""]
        guard text.first?.isNumber == true, unit != nil || last.map({ $0 >= "0" && $0 <= "9" }) == true else {
            return nil
        }
        return try? Quantities.readBytes(unit.map { text.dropLast() + $0 } ?? String(text))
    }
}
