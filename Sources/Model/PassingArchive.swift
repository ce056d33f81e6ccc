/// A fast-load archive of files that pass and are kept nowhere. Of their layers no digest is known before they have passed,
/// so it begins with no facts: torch opens it like the others, and it cannot be imported or verified as they can.
///
///     archive/data.pkl            the state dict, for torch
///     archive/byteorder, version  for torch
///     archive/cake/header         of the safetensors file that the tensors would be
///     archive/files/config.json … the files that go along
///     archive/data/0 …            the tensors, in the order of their files' bytes
public struct PassingArchive: Sendable {
    /// A run of a file that passes: a tensor, or bytes that have no place in the archive.
    public struct Run: Sendable {
        public let size: UInt64
        public let tensor: Tensor?

        public init(size: UInt64, tensor: Tensor?) {
            self.size = size
            self.tensor = tensor
        }
    }

    public let layout: ZipLayout
    /// How many of the bytes that pass are to be left out before those of a member.
    public let dropping: [Int: UInt64]
    /// torch lacks their dtype: they are there as bytes.
    public let rawTensors: [Tensor]

    /// First the companions pass, then the runs.
    public init(_ runs: [Run], companions: [(path: FilePath, size: UInt64)]) throws(CakeError) {
        let tensors = runs.compactMap(\.tensor)
        var names: Set<ExactText> = []
        for tensor in tensors where !names.insert(tensor.name).inserted {
            throw CakeError(
                .failed, "two tensors are named \"\(tensor.name.printable)\"",
                fix: "--include says which files are meant")
        }
        let dictionary = try StateDict(tensors)
        var members = [
            ZipLayout.Member(FastArchive.top + "data.pkl", bytes: try dictionary.pickle()),
            ZipLayout.Member(FastArchive.top + "byteorder", bytes: Array("little".utf8)),
            ZipLayout.Member(FastArchive.top + "version", bytes: Array("3\n".utf8)),
            ZipLayout.Member(
                FastArchive.headerName, bytes: try Safetensors.header(for: tensors, metadata: [.torch])),
        ]
        for file in companions {
            members.append(ZipLayout.Member(FastArchive.top + "files/" + file.path.string, arriving: file.size))
        }
        var dropping: [Int: UInt64] = [:]
        var number = 0
        var left: UInt64 = 0
        for run in runs {
            guard run.tensor != nil else {
                left += run.size
                continue
            }
            if left > 0 { dropping[members.count] = left }
            left = 0
            members.append(
                ZipLayout.Member(
                    "\(FastArchive.top)data/\(number)", arriving: run.size,
                    alignment: run.size > 0 ? StateDict.alignment : 1))
            number += 1
        }
        // Of a file without a tensor nothing is left to be sent.
        guard left == 0 else { throw CakeError(.failed, "a file of weights ends with bytes that are no tensor") }
        layout = try ZipLayout(members, isStreamed: true)
        self.dropping = dropping
        rawTensors = tensors.filter { (try? TorchTensor($0))?.isRaw ?? true }
    }
}

extension PassingArchive {
    /// Which files are the model's weights, and which go along.
    public static func split(
        _ files: [FilePath], withTensors: [FilePath]
    ) throws(CakeError) -> (weights: Set<FilePath>, companions: Set<FilePath>) {
        let forms = WeightForms(files)
        let own = try WeightFiles.own(of: withTensors)
        return (own, Set(files.filter { !own.contains($0) && !forms.isIndex($0) }))
    }
}
