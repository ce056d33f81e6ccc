import Model
import Mount
import Store

/// A layer that a program wanted to read in a mount, and that cannot be read.
enum UnreadableText {
    /// One line: which part of which file, why, and what to type.
    static func line(_ unreadable: OpenFiles.Unreadable, in store: LocalStore) -> String {
        let name = unreadable.model.map { "\($0)" } ?? ""
        if unreadable.isLazy {
            return "cannot read \(Printable.escape(unreadable.path)): " + ErrorText.inline(lazy(unreadable.error))
        }
        return "cannot read \(part(unreadable, in: store)) of \(Printable.escape(unreadable.path)): "
            + "\(unreadable.error.what); fix: cake verify \(name.isEmpty ? "" : name + " ")--repair"
    }

    /// What a command would be told to type again is a read here.
    private static func lazy(_ error: CakeError) -> CakeError {
        switch error.kind {
        case .network:
            CakeError(
                .network, error.what, fix: "check the network; the next read tries again (--patience waits longer)")
        case .diskFull: CakeError(.diskFull, error.what, fix: "free some space: cake gc; the next read tries again")
        case .notAuthorised: CakeError(.notAuthorised, error.what, fix: "cake login, then mount it again")
        default: error
        }
    }

    private static func part(_ unreadable: OpenFiles.Unreadable, in store: LocalStore) -> String {
        guard let layer = unreadable.layer else { return "a part" }
        if let digest = unreadable.manifest, let manifest = try? store.manifest(digest) {
            for segment in manifest.segments where segment.layer == layer {
                if let tensor = segment.tensor { return "the tensor \(tensor.name.printable)" }
            }
        }
        return "the layer \(layer.digest.short)"
    }
}
