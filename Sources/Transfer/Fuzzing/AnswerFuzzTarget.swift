internal import Model
internal import Remote
internal import Store

/// Complete answers and files of strangers, each read by its own reader, and then used by the code behind it. To be
/// called with any bytes. An error is a valid answer; a trap, an answer with two meanings, and unbounded memory are
/// not.
package enum AnswerFuzzTarget: String, CaseIterable, Sendable {
    /// A registry's statements about a model.
    case index, artifact, manifest, published
    /// Statements of a Hub and its Xet server. Eight bytes with the size of the file precede the latter's answer, and
    /// the headers below.
    case info, tree, xet
    case safetensors, gguf, archive
    /// Header lines.
    case range
    /// A signature that a model came with, and what a signature says.
    case signature, statement
    /// A base image's config, or an index of images.
    case base
    /// A tar of `cake save`, and a list of `cake have`.
    case bundle
    /// XML of object storage: a refusal, a listing, an upload in parts.
    case storage
    /// A tar archive; one that may be compressed; models of other tools, each as four bytes with the length of its manifest,
    /// the manifest, and its config.
    case tar, layer, modelpack, kitops, dockermodel, image

    package func read(_ input: Span<UInt8>) {
        switch self {
        case .index: AnswerFuzzTarget.readIndex(input)
        case .artifact: AnswerFuzzTarget.readArtifact(input)
        case .manifest: AnswerFuzzTarget.readManifest(input)
        case .published: _ = PublishedPlace(parsing: input)
        case .info: _ = try? HubInfo(parsing: input)
        case .tree: AnswerFuzzTarget.readTree(input)
        case .archive: AnswerFuzzTarget.readArchive(input)
        case .range: AnswerFuzzTarget.readRange(input)
        case .signature: AnswerFuzzTarget.readSignature(input)
        case .statement: AnswerFuzzTarget.readStatement(input)
        case .base: AnswerFuzzTarget.readBase(input)
        case .bundle: AnswerFuzzTarget.readBundle(input)
        case .storage: AnswerFuzzTarget.readStorage(input)
        case .tar: AnswerFuzzTarget.readTar(input)
        case .layer: AnswerFuzzTarget.readLayer(input)
        case .modelpack, .kitops, .dockermodel, .image: AnswerFuzzTarget.readShape(input)
        case .xet, .safetensors, .gguf:
            guard input.count >= 8 else { return }
            let size = (0..<8).reduce(UInt64(0)) { $0 | UInt64(input[$1]) << UInt64(8 * $1) }
            let rest = input.extracting(8..<input.count)
            switch self {
            case .xet: AnswerFuzzTarget.readXet(rest, size)
            case .safetensors: AnswerFuzzTarget.readSafetensors(rest, size)
            default: _ = try? GGUF.Header.read(prefix: rest, fileSize: size)
            }
        }
    }

    private static func readIndex(_ input: Span<UInt8>) {
        guard let index = try? PackIndex(decoding: input) else { return }
        precondition(index.encoded.span.elementsEqual(input), "an index that has two spellings")
        let placed = index.members.sorted { ($0.pack, $0.offset) < ($1.pack, $1.offset) }
        for whole in [false, true] {
            var queue = SpanQueue(RegistryPull.runs(of: placed, comingWhole: whole))
            for _ in 0..<100 where queue.take(connections: 4) != nil {}
        }
        _ = PackPlan(index.members.map(\.layer), earlier: [index])
        let all = index.members.reduce(0) { $0 + $1.length } + index.packs.reduce(0) { $0 + $1.size }
        let plain = index.members.reduce(0) { $0 + $1.layer.size }
        _ = Int(all + plain) + index.members.reduce(0) { $0 + LayerReader.pieces(of: $1.layer) }
    }

    private static func readArtifact(_ input: Span<UInt8>) {
        guard let manifest = try? RegistryManifest(parsing: input) else { return }
        _ = Int(manifest.needed.prefix(100).reduce(0) { $0 + $1.size })
        _ = try? manifest.referrer(BlobName(.empty), mediaType: RegistryManifest.image, in: input)
        guard let artifact = try? ModelArtifact(manifest) else { return }
        _ = Int(artifact.packs.reduce(0) { $0 + $1.size })
        let again = artifact.encoded
        precondition((try? ModelArtifact(RegistryManifest(parsing: again.span)))?.packs == artifact.packs)
    }

    private static func readManifest(_ input: Span<UInt8>) {
        guard let manifest = try? ManifestText.decode(input) else { return }
        precondition(ManifestText.encode(manifest).span.elementsEqual(input), "a manifest that has two spellings")
        for file in manifest.files {
            let segmentation = Segmentation(file)
            precondition(segmentation.units.reduce(0) { $0 + $1.count } == file.size)
            _ = segmentation.cuts.reduce(0) { $0 + LayerReader.pieces(of: Layer(digest: .empty, size: $1.count)) }
        }
        _ = Int(manifest.size) + Outline(manifest).files.count
        _ = PackPlan(manifest.layers)
    }

    private static func readTree(_ input: Span<UInt8>) {
        var tree = HubTree()
        guard (try? tree.add(page: input)) != nil, let repository = try? HubRepository("org/m"),
            let snapshot = try? tree.snapshot(
                of: repository, revision: nil, commit: String(repeating: "a", count: 40))
        else { return }
        let wanted = snapshot.files.map { WantedFile(listed: $0, mayCopy: false) }
        let most = Segmentation.mostCuts(eachOf: wanted.count)
        precondition(wanted.batches(of: 200).reduce(0) { $0 + $1.count } == wanted.count)
        for file in snapshot.files.prefix(16) {
            let cuts = Segmentation.even(file.size, most: most)
            precondition(cuts.reduce(0) { $0 + $1.count } == file.size && cuts.count <= most)
        }
        _ = Int(snapshot.size)
    }

    private static func readXet(_ input: Span<UInt8>, _ size: UInt64) {
        for range in [nil, size / 3..<size - size / 3] {
            guard let found = try? XetReconstruction(parsing: input, of: range, fileSize: size),
                let coordinates = found.coordinates(of: range ?? 0..<size)
            else { continue }
            _ = coordinates.common(with: coordinates).reduce(0) { $0 + $1.length }
            _ = coordinates.gaps(to: coordinates).count
        }
    }

    private static func readSafetensors(_ input: Span<UInt8>, _ size: UInt64) {
        var reader = HeaderReader(size: size)
        reader.add(input.indices.map { input[$0] })
        guard let header = try? reader.header() else { return }
        precondition(Segmentation(header).units.reduce(0) { $0 + $1.count } == size)
        _ = header.tensors.map { try? TorchTensor($0.tensor) }.count
    }

    private static func readArchive(_ input: Span<UInt8>) {
        _ = ZipLayout.firstMember(of: input).map { $0.data + $0.size }
        _ = ZipLayout.lastHeader(in: input, named: FastArchive.factsName)
        guard let facts = try? ArchiveFacts(decoding: input), let archive = try? FastArchive(facts) else { return }
        _ = Int(archive.layout.size) + Int(facts.weights.size) + archive.positions.count
    }

    private static func readRange(_ input: Span<UInt8>) {
        guard let text = String(copying: input) else { return }
        if let found = ContentRange(text) { _ = Int(found.last - found.first) + Int(found.total ?? 0) }
        _ = ByteRange.chunk(text).map(\.count)
        if case .part(let range) = ByteRange(header: text, size: ByteCount.maximum) { _ = range.count }
        _ = Retry.asked(retryAfter: text, rateLimit: text, now: 1_800_000_000)
    }
}

extension Span<UInt8> {
    fileprivate func elementsEqual(_ other: Span<UInt8>) -> Bool {
        count == other.count && indices.allSatisfy { self[$0] == other[$0] }
    }
}
