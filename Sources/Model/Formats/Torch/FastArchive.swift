/// A model as one file that torch maps: a stored zip with a state dict whose tensors begin on pages, and the files that
/// make it a model. `torch.load(path, mmap=True, weights_only=True)` needs nothing of cake to open it.
///
///     archive/cake/facts          what is in it: see `ArchiveFacts`
///     archive/data.pkl            the state dict, for torch
///     archive/byteorder, version  for torch
///     archive/cake/layers/0 …     what files of weights have beside tensors: their headers
///     archive/cake/header         of the file that some tensors would be, where it is only some
///     archive/files/config.json … the files that go along
///     archive/data/0 …            the tensors, in the order of the state dict
///
/// Where layers are not known before they have passed, the headers lie between the tensors, and the facts last.
public struct FastArchive: Sendable {
    public let facts: ArchiveFacts
    public let layout: ZipLayout

    static let top = "archive/"
    public static let headerName = top + "cake/header"
    public static let factsName = top + "cake/facts"

    public init(_ facts: ArchiveFacts) throws(CakeError) {
        let own = ZipLayout.Member(FastArchive.factsName, bytes: facts.encode())
        guard UInt32(exactly: own.size) != nil, own.size <= UInt64(ManifestText.maximumSize) else {
            throw CakeError(.failed, "the model has too many tensors for one archive")
        }
        self.facts = facts
        layout = try ZipLayout(
            facts.sums == .passed ? FastArchive.passed(facts) + [own] : [own] + FastArchive.members(facts),
            isStreamed: facts.sums != .before)
    }

    private static func members(_ facts: ArchiveFacts) throws(CakeError) -> [ZipLayout.Member] {
        let dictionary = try StateDict(facts.weights, isJoined: facts.hasJoinedStorages, tied: Set(facts.tied))
        var members = FastArchive.forTorch(try dictionary.pickle())
        var seen: Set<Digest> = []
        for segment in facts.weightFiles.flatMap(\.segments) where segment.tensor == nil {
            guard seen.insert(segment.layer.digest).inserted else { continue }
            members.append(FastArchive.header(seen.count - 1, segment.layer))
        }
        if facts.weightPaths.isEmpty {
            members.append(
                ZipLayout.Member(
                    FastArchive.headerName,
                    bytes: try Safetensors.header(for: facts.weights.entries.map(\.tensor), metadata: [.torch])))
        }
        members += facts.companions.map(FastArchive.companion)
        for (index, storage) in dictionary.storages.enumerated() {
            members.append(FastArchive.storage(index, size: storage.size, storage.runs))
        }
        return members
    }

    /// First the companions, then file by file of weights its header and its tensors.
    private static func passed(_ facts: ArchiveFacts) throws(CakeError) -> [ZipLayout.Member] {
        let dictionary = try StateDict(facts.weights.entries.map(\.tensor))
        var members = FastArchive.forTorch(try dictionary.pickle()) + facts.companions.map(FastArchive.companion)
        var (headers, tensors) = (0, 0)
        for segment in facts.weightFiles.flatMap(\.segments) {
            if segment.tensor == nil {
                members.append(FastArchive.header(headers, segment.layer))
                headers += 1
            } else {
                let layer = segment.layer
                members.append(
                    FastArchive.storage(
                        tensors, size: layer.size, layer.size > 0 ? [ZipLayout.Run(layer: layer, offset: 0)] : []))
                tensors += 1
            }
        }
        return members
    }

    private static func forTorch(_ pickle: [UInt8]) -> [ZipLayout.Member] {
        [
            ZipLayout.Member(top + "data.pkl", bytes: pickle),
            ZipLayout.Member(top + "byteorder", bytes: Array("little".utf8)),
            ZipLayout.Member(top + "version", bytes: Array("3\n".utf8)),
        ]
    }

    private static func header(_ number: Int, _ layer: Layer) -> ZipLayout.Member {
        ZipLayout.Member(
            "\(top)cake/layers/\(number)", size: layer.size, runs: [ZipLayout.Run(layer: layer, offset: 0)])
    }

    private static func companion(_ file: Manifest.File) -> ZipLayout.Member {
        let runs = zip(file.segments, file.extents).map { ZipLayout.Run(layer: $0.layer, offset: $1.lowerBound) }
        return ZipLayout.Member(top + "files/" + file.path.string, size: file.size, runs: runs)
    }

    private static func storage(_ number: Int, size: UInt64, _ runs: [ZipLayout.Run]) -> ZipLayout.Member {
        ZipLayout.Member(
            "\(top)data/\(number)", size: size, runs: runs, alignment: size > 0 ? StateDict.alignment : 1)
    }

    /// The header of the safetensors file that the tensors would be, where they are not a model's own files.
    public var header: (bytes: [UInt8], position: UInt64)? {
        guard let index = layout.members.firstIndex(where: { $0.name == FastArchive.headerName }),
            case .bytes(let bytes) = layout.members[index].content
        else { return nil }
        return (bytes, layout.places[index].data)
    }

    /// The place of each layer in the file, at least once.
    public var positions: [Digest: UInt64] {
        var found: [Digest: UInt64] = [:]
        for (member, place) in zip(layout.members, layout.places) {
            guard case .runs(let runs) = member.content else { continue }
            for run in runs where found[run.layer.digest] == nil { found[run.layer.digest] = place.data + run.offset }
        }
        return found
    }

    /// Tensors whose dtype torch lacks: their bytes are in the archive, and their dtype and shape in the facts.
    public var rawTensors: [Tensor] {
        facts.weights.entries.map(\.tensor).filter { (try? TorchTensor($0))?.isRaw ?? true }
    }
}
