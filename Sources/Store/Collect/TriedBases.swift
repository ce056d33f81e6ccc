internal import Model
internal import Platform

/// Bases of removed models that `gc --rebase` has tried to free without gain, each with the deltas that it had then: the
/// file `rebased` of a store. It is derived; without it they are tried again.
struct TriedBases {
    private static let mark = "cake rebased 1"
    /// Past so many none is kept.
    private static let most = 200_000

    /// By base, the SHA-256 of its deltas' digests in order.
    private var tried: [Digest: Digest] = [:]

    /// A line that makes no sense is left out.
    init(of store: LocalStore) {
        let limit = TriedBases.mark.utf8.count + 1 + TriedBases.most * 130
        guard let bytes = try? Disk.read(store.layout.rebased, limit: limit) else { return }
        let lines = bytes.split(separator: lineFeed)
        guard let first = lines.first, first.elementsEqual(TriedBases.mark.utf8) else { return }
        for line in lines.dropFirst() {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 2, let base = Digest(hex: words[0]), let deltas = Digest(hex: words[1]) else {
                continue
            }
            tried[base] = deltas
        }
    }

    func has(_ base: Digest, with deltas: Set<Digest>) -> Bool { tried[base] == TriedBases.digest(of: deltas) }

    /// Best effort. Bases that are gone are forgotten.
    func add(_ bases: Set<Digest>, of deltas: [Digest: Set<Digest>], to store: LocalStore) {
        guard store.isWritable else { return }
        var all = tried.filter { deltas[$0.key] != nil }
        for base in bases { all[base] = TriedBases.digest(of: deltas[base] ?? []) }
        guard all != tried, all.count <= TriedBases.most else { return }
        let lines = all.sorted { $0.key < $1.key }.map { "\($0.key.hex) \($0.value.hex)\n" }
        try? Disk.replace(store.layout.rebased, with: Array((TriedBases.mark + "\n" + lines.joined()).utf8))
    }

    private static func digest(of deltas: Set<Digest>) -> Digest {
        var bytes: [UInt8] = []
        for delta in deltas.sorted() { bytes += delta.bytes }
        return SHA256.digest(of: bytes.span)
    }
}
