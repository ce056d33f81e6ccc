import Model
import Transfer

extension Comparison.Pull {
    /// `isHere`: the first model is in the store, and a pull of the second would take from it what is equal.
    init(of model: RemoteModel, _ difference: Difference, besideFirst isHere: Bool) {
        let missing = Set(model.missing.map(\.path))
        var bytes = model.missing.reduce(0) { $0 + $1.size }
        for change in difference.tensors where isHere && (change.kind == .same || change.kind == .alike) {
            guard let after = change.after, missing.contains(after.file) else { continue }
            bytes -= min(bytes, after.size)
        }
        self.init(
            files: model.files.count, bytes: model.size, filesToFetch: model.missing.count, bytesToFetch: bytes)
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
