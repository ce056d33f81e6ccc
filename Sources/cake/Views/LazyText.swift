import Model
import Transfer

/// What a lazy mount says of its downloads.
enum LazyText {
    static func line(_ event: LazyFiles.Event) -> String {
        switch event {
        case .unchecked(let name):
            "programs get bytes of \(name) before its files are complete and can be checked; --verified checks first"
        case .wrong(let name, let path):
            "\(path) of \(name) does not match its published hash: what programs read of it was wrong; its bytes were removed"
        }
    }

    /// At the end; nil if nothing was downloaded.
    static func end(_ counts: LazyFiles.Counts, of models: [LazyModel]) -> String? {
        guard counts.fetched > 0 else { return nil }
        let unchecked =
            counts.unchecked > 0 ? ", and programs got \(Quantities.bytes(counts.unchecked)) unchecked" : ""
        let pulls = models.map(\.pull).joined(separator: "; ")
        return "\(Quantities.bytes(counts.fetched)) were downloaded\(unchecked). "
            + "To download and check the rest: \(pulls)"
    }
}
