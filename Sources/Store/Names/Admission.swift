package import Model

/// That a model may have a name here. Whoever gives names away has to say where it has that from: the person's own work, or a
/// check of what came from elsewhere.
public struct Admission: Sendable {
    /// The checked model; nil for any.
    private let manifest: Digest?
    private let refusesOlder: Bool

    /// What no rule of the person's speaks of, and what they make themselves.
    public static let free = Admission(manifest: nil, refusesOlder: false)

    /// Its signature was verified. A version that the name had before is then refused, unless the person asked for one: its
    /// signature is as right as it was.
    package init(verified manifest: Digest, refusesOlder: Bool) {
        (self.manifest, self.refusesOlder) = (manifest, refusesOlder)
    }

    private init(manifest: Digest?, refusesOlder: Bool) {
        (self.manifest, self.refusesOlder) = (manifest, refusesOlder)
    }

    func check(_ name: ModelName, _ digest: Digest, commit: String?, before: NameRecord?) throws(CakeError) {
        guard manifest ?? digest == digest else {
            throw CakeError(.failed, "\(name) changed while its signature was verified", fix: "run the command again")
        }
        guard refusesOlder, let before, before.manifest != digest else { return }
        let wasHere = before.replaced.contains { $0.manifest == digest }
        guard wasHere || commit.map(before.earlierCommits.contains) ?? false else { return }
        throw CakeError(
            .failed,
            "\(name) would go back to \(digest.short), a version that it had before \(before.manifest.short)",
            fix: "if you want the older version, add --allow-older; else ask its publisher why it is offered again")
    }
}
