import Model
import Transfer

/// A difference with the numbers that were compared, and what the two models are called.
struct Comparison: Sendable {
    /// What a pull of the second would move now.
    struct Pull: Sendable {
        let files: Int
        let bytes: UInt64
        let filesToFetch: Int
        /// At most, when some of it is not known.
        let bytesToFetch: UInt64
    }

    let before: String
    let after: String
    let difference: Difference
    /// For each tensor of the difference; nil when numbers were not asked for.
    let numbers: [NumericDifference?]?
    /// Nil when the second is not remote.
    let pull: Pull?
    /// Whether it is said what certainty would take.
    let isExact: Bool

    init(
        before: String, after: String, difference: Difference, numbers: [NumericDifference?]? = nil,
        pull: Pull? = nil, isExact: Bool = false
    ) {
        self.isExact = isExact
        self.before = before
        self.after = after
        self.difference = difference
        self.numbers = numbers
        self.pull = pull
    }

    /// Whether nothing that matters differs: the same tensors and other files, however they are spread.
    var isSame: Bool { difference.isEmpty }

    func numbers(of index: Int) -> NumericDifference? { numbers.flatMap { $0[index] } }
}

extension Comparison.Pull {
    /// `isHere`: the first model is in the store, and a pull of the second would take from it what is equal.
    init(of model: RemoteModel, _ difference: Difference, besideFirst isHere: Bool) {
        files = model.files.count
        bytes = model.size
        filesToFetch = model.missing.count
        let missing = Set(model.missing.map(\.path))
        var bytes = model.missing.reduce(0) { $0 + $1.size }
        for change in difference.tensors where isHere && (change.kind == .same || change.kind == .alike) {
            guard let after = change.after, missing.contains(after.file) else { continue }
            bytes -= min(bytes, after.size)
        }
        bytesToFetch = bytes
    }
}

extension Difference.Kind {
    /// As people read it.
    var words: String {
        switch self {
        case .dtypeChanged: "other dtype"
        case .unknown: "not known"
        case .alike: "equal in samples"
        default: rawValue
        }
    }

    var tone: Style.Tone {
        switch self {
        case .same, .alike: .faint
        case .changed, .reshaped, .dtypeChanged: .careful
        case .renamed: .accent
        case .added: .good
        case .removed: .bad
        case .unknown: .careful
        }
    }
}
