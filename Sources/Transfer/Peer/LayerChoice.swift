internal import Model

/// Which layers are cheaper as objects in a registry's packs, with the bases that they need, than as plain bytes of
/// their files. Pure.
struct LayerChoice: Sendable {
    /// A cut of a file to be downloaded.
    struct Cut: Sendable {
        /// The layer that a peer names; nil if it names none.
        let layer: Layer?
        /// The bytes of it that would have to be downloaded: not those that are here.
        let bytes: UInt64
    }

    /// Layers that come as objects, without bases that come along.
    private(set) var layers: Set<Digest> = []
    /// Both, in their order in the packs.
    private(set) var members: [PackIndex.Member] = []
    /// Plain bytes that are still to be downloaded.
    private(set) var plainBytes: UInt64 = 0

    /// A request costs as much as so many bytes.
    private static let request = Plan.worthCutting

    private let index: PackIndex
    /// The cost of each layer as plain bytes.
    private var plain: [Digest: UInt64] = [:]

    init(_ files: [[Cut]], _ index: PackIndex, isHere: (Layer) throws(CakeError) -> Bool) throws(CakeError) {
        self.index = index
        var missingBases: [Digest: [PackIndex.Member]] = [:]
        for cut in files.joined() where cut.bytes > 0 {
            guard let layer = cut.layer, let member = index[layer.digest], member.layer == layer else { continue }
            plain[layer.digest, default: 0] += cut.bytes
        }
        for digest in plain.keys.sorted() {
            guard let member = index[digest] else { continue }
            if let base = member.base, try !isHere(Layer(digest: base, size: member.layer.size)) {
                missingBases[base, default: []].append(member)
            } else if isCheaper(member) {
                layers.insert(digest)
            }
        }
        addDeltas(of: missingBases)
        let deltas = Set(missingBases.values.joined().map(\.layer.digest))
        for file in files { bridge(file, without: deltas) }
        members = chosen(missingBases)
        plainBytes = files.joined().reduce(0) { $0 + (comesPlain($1) ? $1.bytes : 0) }
        let saved = files.joined().reduce(UInt64(0)) { $0 + (comesPlain($1) ? 0 : $1.bytes) }
        let requests = UInt64(RegistryPull.runs(of: members).count)
        guard cost + requests * LayerChoice.request >= saved else { return }
        (layers, members, plainBytes) = ([], [], plainBytes + saved)
    }

    /// Stored bytes of the chosen objects.
    var cost: UInt64 { members.reduce(0) { $0.clampedSum($1.length) } }

    private func isCheaper(_ member: PackIndex.Member) -> Bool { member.length < plain[member.layer.digest] ?? 0 }

    private func comesPlain(_ cut: Cut) -> Bool { cut.layer.map { !layers.contains($0.digest) } ?? true }

    /// A base that is not here is paid once for all its deltas, and not at all when it is wanted itself.
    private mutating func addDeltas(of missing: [Digest: [PackIndex.Member]]) {
        for (base, deltas) in missing {
            let cheaper = deltas.filter(isCheaper)
            var (cost, saved) = (UInt64(0), UInt64(0))
            for member in cheaper {
                cost = cost.clampedSum(member.length)
                saved += plain[member.layer.digest] ?? 0
            }
            if !layers.contains(base) {
                cost = cost.clampedSum(index[base]?.length ?? .max)
                saved += plain[base] ?? 0
            }
            if cost < saved {
                layers.formUnion(cheaper.map(\.layer.digest))
                if plain[base] != nil { layers.insert(base) }
            }
        }
    }

    /// A short cut between others goes their way: it is not worth a request of its own.
    private mutating func bridge(_ file: [Cut], without deltas: Set<Digest>) {
        var first = 0
        while first < file.count {
            let end = file[first...].firstIndex { comesPlain($0) != comesPlain(file[first]) } ?? file.count
            defer { first = end }
            let cuts = file[first..<end].filter { $0.bytes > 0 }
            guard comesPlain(file[first]), !cuts.isEmpty,
                cuts.reduce(0, { $0 + $1.bytes }) < LayerChoice.request
            else { continue }
            let digests = cuts.compactMap { cut in cut.layer?.digest }.filter {
                plain[$0] != nil && !deltas.contains($0)
            }
            let isBetween = first > 0 && !comesPlain(file[first - 1]) || end < file.count && !comesPlain(file[end])
            if isBetween, digests.count == cuts.count { layers.formUnion(digests) }
        }
    }

    private func chosen(_ missing: [Digest: [PackIndex.Member]]) -> [PackIndex.Member] {
        var wanted = layers
        for (base, deltas) in missing where deltas.contains(where: { layers.contains($0.layer.digest) }) {
            wanted.insert(base)
        }
        return wanted.compactMap { index[$0] }.sorted { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
    }
}
