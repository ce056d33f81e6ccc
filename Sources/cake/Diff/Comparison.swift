import Model
import Transfer

/// A difference with the numbers that were compared, and what the two models are called.
struct Comparison: Sendable {
    /// What a pull of the second would move now.
    struct Pull: Sendable {
        let files: Int
        let bytes: UInt64
        let filesToFetch: Int
        let bytesToFetch: UInt64
    }

    let before: String
    let after: String
    let difference: Difference
    /// For each tensor of the difference; nil when numbers were not asked for.
    let numbers: [NumericDifference?]?
    /// Nil when the second is not remote.
    let pull: Pull?

    init(
        before: String, after: String, difference: Difference, numbers: [NumericDifference?]? = nil, pull: Pull? = nil
    ) {
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
    init(of model: RemoteModel) {
        files = model.parts.count
        bytes = model.size
        filesToFetch = model.missing.count
        bytesToFetch = model.missing.reduce(0) { $0 + $1.size }
    }
}

extension Difference.Kind {
    /// As people read it.
    var words: String {
        switch self {
        case .dtypeChanged: "other dtype"
        case .unknown: "not known"
        default: rawValue
        }
    }

    var tone: Style.Tone {
        switch self {
        case .same: .faint
        case .changed, .reshaped, .dtypeChanged: .careful
        case .renamed: .accent
        case .added: .good
        case .removed: .bad
        case .unknown: .careful
        }
    }
}
