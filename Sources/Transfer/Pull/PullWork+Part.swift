internal import Model
internal import Store

extension PullWork {
    /// Some tensors of files. Their bytes cannot be checked against a published hash, which is of whole files.
    struct BroughtTensors: Sendable {
        var entries: [Weights.Entry] = []
        /// Of the same files.
        var missing: [ExactText] = []
        var bytesFetched: UInt64 = 0
        var bytesStored: UInt64 = 0
        var saved: [Pull.Proof: UInt64] = [:]
        /// Their parts may be removed once the layers are published.
        var files: [PullFile] = []
    }

    /// `known` are tensors of these files that are here, of which `earlier` belong to the part already.
    func part(
        _ files: [WantedFile], matching selection: TensorSelection, joining earlier: Set<Tensor>,
        known: [Tensor: Layer], waiting: @escaping @Sendable (FilePath) -> Void
    ) async throws -> BroughtTensors {
        let finished = FinishedUnits()
        defer { finished.end() }
        var outcome = Brought()
        let opened = try await open(files, waiting, &outcome)
        var given: [Tensor: Layer] = [:]
        let here = try operation.hold(Array(known.values))
        for (tensor, layer) in known where here.contains(layer.digest) { given[tensor] = layer }
        for (_, file) in outcome.verified { given.merge(BroughtTensors.tensors(of: file)) { $1 } }
        var part = BroughtTensors()
        /// A file that is here whole has other tensors as well.
        func isWanted(_ tensor: Tensor) -> Bool {
            selection.matches(tensor.name) || earlier.contains(tensor) && given[tensor] != nil
        }
        for file in opened {
            if let complaint = file.segmentation.complaint { throw complaint }
            for cut in file.segmentation.cuts {
                if let tensor = cut.tensor, !isWanted(tensor) { part.missing.append(tensor.name) }
            }
        }
        for (_, file) in outcome.verified {
            for entry in BroughtTensors.entries(of: file) {
                if isWanted(entry.tensor) { part.entries.append(entry) } else { part.missing.append(entry.tensor.name) }
            }
        }
        for file in opened {
            for cut in file.segmentation.cuts {
                if let tensor = cut.tensor, given[tensor] != nil, selection.matches(tensor.name) {
                    part.saved[.knownFile, default: 0] += cut.count
                }
            }
        }
        try await prove(opened, selection, &given, &part)
        part.files = opened.indices.map { number in
            PullFile(
                number, opened[number], units(of: opened[number], selection, given), isPart: true,
                onWhole: finished.of(file: number))
        }
        guard !part.missing.isEmpty else { return part }
        part.bytesFetched += part.files.reduce(0) { $0 + $1.missing } + opened.reduce(0) { $0 + $1.fetchedForHeader }
        progress.expect(bytes: part.files.reduce(0) { $0 + $1.missing })
        try await refuseIfTooSmall(for: part.files)
        let checkpoint = Checkpoint(part.files, store: store, operation: operation)
        part.bytesStored = try await bring(part.files, finished, checkpoint, isHashed: false).0
        for (opened, file) in zip(opened, part.files) {
            for (number, cut) in opened.segmentation.cuts.enumerated() {
                guard let tensor = cut.tensor, isWanted(tensor), let layer = file.layer(of: number) ?? given[tensor]
                else { continue }
                part.entries.append(Weights.Entry(tensor: tensor, layer: layer))
            }
        }
        return part
    }

    /// Tensors that, by the Hub's word, are in the same chunks as tensors that are here. The bytes that it sends are
    /// its word as well. Samples prove nothing here, because no hash of a whole file will decide.
    private func prove(
        _ files: [OpenedFile], _ selection: TensorSelection, _ given: inout [Tensor: Layer],
        _ part: inout BroughtTensors
    ) async throws {
        guard !provers.isEmpty else { return }
        var candidates = try bases.candidates(for: files.map(\.segmentation))
        for (number, file) in files.enumerated() {
            for (place, cut) in file.segmentation.cuts.enumerated() {
                guard let tensor = cut.tensor, given[tensor] == nil, selection.matches(tensor.name) else {
                    candidates.layers[number][place] = []
                    continue
                }
            }
        }
        let nothing = files.map { Evidence(cuts: $0.segmentation.cuts.count) }
        for prover in provers {
            let proved = try await prover.evidence(for: files, knowing: nothing, among: candidates)
            part.bytesFetched += proved.bytesFetched
            let here = try operation.hold(proved.evidence.flatMap(\.layers))
            for (file, evidence) in zip(files, proved.evidence) {
                for (place, cut) in file.segmentation.cuts.enumerated() {
                    guard let tensor = cut.tensor, given[tensor] == nil, let layer = evidence[place].layer,
                        let proof = evidence[place].proof, layer.size == cut.count, here.contains(layer.digest)
                    else { continue }
                    given[tensor] = layer
                    part.saved[proof, default: 0] += cut.count
                }
            }
        }
    }

    /// The cuts to download, in runs of neighbours.
    private func units(
        of file: OpenedFile, _ selection: TensorSelection, _ given: [Tensor: Layer]
    ) -> [Plan.Unit] {
        let cuts = file.segmentation.cuts
        let wanted = cuts.map { cut in
            cut.tensor.map { given[$0] == nil && selection.matches($0.name) } ?? false
        }
        var units: [Plan.Unit] = []
        var next = 0
        while let first = wanted[next...].firstIndex(of: true) {
            next = wanted[first...].firstIndex(of: false) ?? cuts.count
            units += file.segmentation.units(of: first..<next).map { Plan.Unit(run: $0, claim: .unknown) }
        }
        return units
    }
}

extension PullWork.BroughtTensors {
    static func entries(of file: Manifest.File) -> [Weights.Entry] {
        file.segments.compactMap { segment in
            segment.tensor.map { Weights.Entry(tensor: $0, layer: segment.layer) }
        }
    }

    static func tensors(of file: Manifest.File) -> [Tensor: Layer] {
        Dictionary(entries(of: file).map { ($0.tensor, $0.layer) }) { first, _ in first }
    }
}

extension PullWork.BroughtTensors {
    static func tensors(of manifest: Manifest) -> [Tensor: Layer] {
        manifest.files.reduce(into: [:]) { $0.merge(tensors(of: $1)) { first, _ in first } }
    }
}

/// Tensors of the same commit that were pulled alone. They were not verified, and are assumed until the file's hash
/// decides.
struct PartProof: Prover {
    private let known: [Tensor: Layer]

    init(_ manifest: Manifest) {
        known = PullWork.BroughtTensors.tensors(of: manifest)
    }

    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved {
        var proved = Proved(evidence: files.map { Evidence(cuts: $0.segmentation.cuts.count) })
        for (number, file) in files.enumerated() where file.canBeChecked && file.wanted.contradictions == 0 {
            for (cut, place) in file.segmentation.cuts.enumerated() {
                guard let tensor = place.tensor, let layer = self.known[tensor] else { continue }
                proved.evidence[number][cut] = .assumed(layer, .resumed)
            }
        }
        return proved
    }
}
