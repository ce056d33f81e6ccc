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
public struct FastArchive: Sendable {
    public let facts: ArchiveFacts
    public let layout: ZipLayout

    static let top = "archive/"
    public static let headerName = top + "cake/header"
    public static let factsName = top + "cake/facts"

    public init(_ facts: ArchiveFacts) throws(CakeError) {
        let dictionary = try StateDict(
            facts.weights, isJoined: facts.hasJoinedStorages, tied: Set(facts.tied))
        var members = [
            ZipLayout.Member(FastArchive.factsName, bytes: facts.encode()),
            ZipLayout.Member(FastArchive.top + "data.pkl", bytes: try dictionary.pickle()),
            ZipLayout.Member(FastArchive.top + "byteorder", bytes: Array("little".utf8)),
            ZipLayout.Member(FastArchive.top + "version", bytes: Array("3\n".utf8)),
        ]
        var seen: Set<Digest> = []
        for segment in facts.weightFiles.flatMap(\.segments) where segment.tensor == nil {
            guard seen.insert(segment.layer.digest).inserted else { continue }
            members.append(
                ZipLayout.Member(
                    "\(FastArchive.top)cake/layers/\(seen.count - 1)", size: segment.layer.size,
                    runs: [ZipLayout.Run(layer: segment.layer, offset: 0)]))
        }
        if facts.weightPaths.isEmpty {
            members.append(
                ZipLayout.Member(
                    FastArchive.headerName,
                    bytes: try Safetensors.header(for: facts.weights.entries.map(\.tensor), metadata: [.torch])))
        }
        for file in facts.companions {
            var runs: [ZipLayout.Run] = []
            var offset: UInt64 = 0
            for segment in file.segments {
                runs.append(ZipLayout.Run(layer: segment.layer, offset: offset))
                offset += segment.layer.size
            }
            members.append(ZipLayout.Member(FastArchive.top + "files/" + file.path.string, size: file.size, runs: runs))
        }
        for (index, storage) in dictionary.storages.enumerated() {
            members.append(
                ZipLayout.Member(
                    "\(FastArchive.top)data/\(index)", size: storage.size, runs: storage.runs,
                    alignment: storage.size > 0 ? StateDict.alignment : 1))
        }
        guard UInt32(exactly: members[0].size) != nil, members[0].size <= UInt64(ManifestText.maximumSize) else {
            throw CakeError(.failed, "the model has too many tensors for one archive")
        }
        self.facts = facts
        layout = try ZipLayout(members, isStreamed: facts.isStreamed)
    }

    /// The header of the safetensors file that the tensors would be, where they are not a model's own files.
    public var header: (bytes: [UInt8], position: UInt64)? {
        guard let index = layout.members.firstIndex(where: { $0.name == FastArchive.headerName }),
            case .bytes(let bytes) = layout.members[index].content
        else { return nil }
        return (bytes, layout.places[index].data)
    }

    /// Where each layer lies in the file, at least once.
    public var positions: [Digest: UInt64] {
        var found: [Digest: UInt64] = [:]
        for (member, place) in zip(layout.members, layout.places) {
            guard case .runs(let runs) = member.content else { continue }
            for run in runs where found[run.layer.digest] == nil { found[run.layer.digest] = place.data + run.offset }
        }
        return found
    }

    /// Tensors whose dtype torch lacks: their bytes are there, and what they are is in the facts.
    public var rawTensors: [Tensor] {
        facts.weights.entries.map(\.tensor).filter { (try? TorchTensor($0))?.isRaw ?? true }
    }
}
