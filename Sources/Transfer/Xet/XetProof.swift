internal import Model
internal import Platform
internal import Remote
internal import Store

/// Compares where Xet stores tensors with where it stores those of models that are here: the same chunks are the same
/// bytes, and no byte has to be read. Other chunks prove nothing. If only the ends of a tensor are in other chunks,
/// because its neighbour changed, the ends are downloaded and compared.
struct XetProof: Prover {
    let store: LocalStore
    let snapshot: Snapshot
    let terms: XetTerms
    let records: XetRecords

    /// Of all files together.
    private static let atOnce = 32
    /// Of one file. Each is a call, of which a server takes so many.
    private static let mostQuestions = 128

    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved {
        var proved = Proved(evidence: files.map { Evidence(cuts: $0.segmentation.cuts.count) })
        let asked = files.indices.filter { number in
            let file = files[number]
            return file.canBeChecked && file.wanted.listed.xetHash != nil && file.wanted.contradictions == 0
                && candidates.layers[number].contains { !$0.isEmpty } && file.hasUnknownTensors(known[number])
        }
        guard !asked.isEmpty else { return proved }
        async let terms = terms(of: asked.map { files[$0] })
        let places = await records.coordinates(of: candidates.models)
        let told = await terms
        let atOnce = max(1, XetProof.atOnce / asked.count)
        try await withThrowingTaskGroup(of: (Int, Evidence, UInt64).self) { group in
            for (number, terms) in zip(asked, told) {
                guard let terms, !places.isEmpty else { continue }
                let file = files[number]
                let compared = Compared(file, known[number], candidates.layers[number], terms, places)
                group.addTask(executorPreference: store.pool) {
                    let (evidence, fetched) = try await prove(
                        compared, file, among: candidates.models, atOnce: atOnce)
                    return (number, evidence, fetched)
                }
            }
            for try await (number, evidence, fetched) in group {
                proved.evidence[number] = evidence
                proved.bytesFetched += fetched
            }
        }
        return proved
    }

    /// The equal cuts of a file, and the cost of finding them.
    private func prove(
        _ compared: Compared, _ file: OpenedFile, among models: [Digest], atOnce: Int
    ) async throws -> (Evidence, UInt64) {
        var similarity = compared.similarity(knowing: XetPositions())
        if !similarity.gaps.isEmpty {
            let positions = await measure(similarity.gaps, of: file, among: models, atOnce: atOnce)
            similarity = compared.similarity(knowing: positions)
        }
        let fetched = try await compare(ends: similarity.ends, of: file, &similarity.evidence, atOnce: atOnce)
        return (similarity.evidence, fetched)
    }

    /// Asks in which chunks single bytes are, on both sides of each gap.
    private func measure(
        _ gaps: [Compared.Gap], of file: OpenedFile, among models: [Digest], atOnce: Int
    ) async -> XetPositions {
        let places = await records.places(of: Set(gaps.map(\.layer)), in: models)
        var questions: [Question] = []
        for gap in gaps.prefix(XetProof.mostQuestions) {
            guard let place = places[gap.layer] else { continue }
            let (mine, other) = (gap.gap.mine, gap.gap.other)
            if other.within > 0 {
                questions.append(
                    Question(file: place.file, snapshot: place.snapshot, byte: place.start + gap.gap.place, other))
            }
            if mine.within > 0 {
                let byte = file.segmentation.cuts[gap.cut].start + gap.gap.place
                questions.append(Question(file: file.wanted.listed, snapshot: snapshot, byte: byte, mine))
            }
        }
        var positions = XetPositions()
        let (asked, source) = (questions, records.source)
        try? await inOrder(asked.count, atOnce: atOnce, on: store.pool) { index in
            let (file, byte) = (asked[index].file, asked[index].byte)
            return try? await source.reconstruction(of: file, in: asked[index].snapshot, range: byte..<byte + 1)
        } take: { index, part in
            let about = asked[index].about
            guard let part, asked[index].byte >= about.within else { return }
            try positions.add(part, inside: about.term, beginningAt: asked[index].byte - about.within)
        }
        return positions
    }

    private struct Question: Sendable {
        let file: SnapshotFile
        let snapshot: Snapshot
        let byte: UInt64
        let about: XetCoordinates.Gap.Byte

        init(file: SnapshotFile, snapshot: Snapshot, byte: UInt64, _ about: XetCoordinates.Gap.Byte) {
            self.file = file
            self.snapshot = snapshot
            self.byte = byte
            self.about = about
        }
    }

    private func terms(of files: [OpenedFile]) async -> [XetReconstruction?] {
        await withTaskGroup(of: (Int, XetReconstruction?).self) { group in
            for (number, file) in files.enumerated() {
                group.addTask { (number, await terms.terms(of: file.wanted.listed)) }
            }
            var found = [XetReconstruction?](repeating: nil, count: files.count)
            for await (number, terms) in group { found[number] = terms }
            return found
        }
    }

    /// Returns the number of downloaded bytes.
    private func compare(ends: [Compared.Ends], of file: OpenedFile, _ evidence: inout Evidence, atOnce: Int)
        async throws -> UInt64
    {
        guard let remote = file.remote, !ends.isEmpty else { return 0 }
        let reader = LayerReader(store)
        let cuts = file.segmentation.cuts
        let pieces = ends.flatMap { end -> [(end: Compared.Ends, range: Range<UInt64>)] in
            let ranges = [0..<end.common.lowerBound, end.common.upperBound..<cuts[end.cut].count]
            return ranges.filter { !$0.isEmpty }.map { (end, $0) }
        }
        var differ: Set<Int> = []
        var fetched: UInt64 = 0
        try await inOrder(pieces.count, atOnce: atOnce, on: store.pool) { index in
            let (end, range) = pieces[index]
            let start = cuts[end.cut].start
            let bytes = try await remote.bytes(start + range.lowerBound..<start + range.upperBound)
            return (try? reader.holds(bytes.span, at: range.lowerBound, of: end.layer)) == true
        } take: { index, isEqual in
            fetched += pieces[index].range.length
            if !isEqual { differ.insert(pieces[index].end.cut) }
        }
        for end in ends where !differ.contains(end.cut) { evidence[end.cut] = .assumed(end.layer, .coordinates) }
        return fetched
    }
}

/// A file's tensors beside those that they may be, by where Xet keeps both.
private struct Compared: Sendable {
    struct Ends: Sendable {
        let cut: Int
        let layer: Layer
        let common: Range<UInt64>
    }

    struct Gap: Sendable {
        let cut: Int
        let layer: Digest
        let gap: XetCoordinates.Gap
    }

    /// Both ends of a tensor together. Chunks that were cut otherwise, since a neighbour changed, are soon cut alike again,
    /// but that may take a few of them.
    private static func longestEnds(of size: UInt64) -> UInt64 { max(2 * UInt64(XetChunk.maximumSize), size / 8) }

    private let cuts: Int
    /// Tensors without evidence whose coordinates are known.
    private var pairs: [(cut: Int, mine: XetCoordinates, layer: Layer, other: XetCoordinates)] = []

    init(
        _ file: OpenedFile, _ known: Evidence, _ candidates: [[Layer]], _ terms: XetReconstruction,
        _ places: [Digest: [XetCoordinates]]
    ) {
        cuts = file.segmentation.cuts.count
        for (number, cut) in file.segmentation.cuts.enumerated() where known[number] == .unknown {
            guard let mine = terms.coordinates(of: cut.start..<cut.start + cut.count) else { continue }
            for layer in candidates[number] {
                for other in places[layer.digest] ?? [] { pairs.append((number, mine, layer, other)) }
            }
        }
    }

    func similarity(knowing positions: XetPositions) -> (evidence: Evidence, ends: [Ends], gaps: [Gap]) {
        var evidence = Evidence(cuts: cuts)
        var ends: [Ends] = []
        var gaps: [Gap] = []
        var seen: Set<[XetReconstruction.Term]> = []
        var done: Set<Int> = []
        for pair in pairs where !done.contains(pair.cut) {
            switch pair.mine.similarity(to: pair.other, knowing: positions) {
            case .equal:
                evidence[pair.cut] = .assumed(pair.layer, .coordinates)
                done.insert(pair.cut)
            case .edgesDiffer(let common)
            where pair.layer.size - common.length <= Compared.longestEnds(of: pair.layer.size):
                ends.append(Ends(cut: pair.cut, layer: pair.layer, common: common))
                done.insert(pair.cut)
            default:
                for gap in pair.mine.gaps(to: pair.other, knowing: positions)
                where seen.insert([gap.mine.term, gap.other.term]).inserted {
                    gaps.append(Gap(cut: pair.cut, layer: pair.layer.digest, gap: gap))
                }
            }
        }
        return (evidence, ends, gaps)
    }
}
