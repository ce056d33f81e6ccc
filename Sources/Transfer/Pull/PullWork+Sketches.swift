internal import Model
internal import Platform
internal import Remote
internal import Store

extension PullWork {
    /// As many models are compared without a question to the Hub first.
    private static let few = 4
    private static let sketchesAtOnce = 16

    /// Where many models here may have the bases of new tensors, a few KiB from the Hub tell which of them are worth comparing. Returns the
    /// bytes that were fetched.
    func learnSketches(of files: [OpenedFile], knowing known: [Evidence]) async throws -> UInt64 {
        guard options.probing != nil, zip(files, known).contains(where: { $0.hasUnknownTensors($1) }) else { return 0 }
        let wanted = try bases.telling(files.map(\.segmentation), beyond: PullWork.few).filter { place in
            files[place.file].remote.map { !$0.comesWhole } ?? false
        }
        var fetched: UInt64 = 0
        try await inOrder(wanted.count, atOnce: PullWork.sketchesAtOnce, on: store.pool) { index in
            let (file, number) = wanted[index]
            let cut = files[file].segmentation.cuts[number]
            let sample = LayerSketch.sample(of: cut.count)
            guard let remote = files[file].remote, !sample.isEmpty else { return [UInt8]() }
            return try await remote.bytes(cut.start + sample.lowerBound..<cut.start + sample.upperBound)
        } take: { index, bytes in
            let (file, number) = wanted[index]
            fetched += UInt64(bytes.count)
            guard let tensor = files[file].segmentation.cuts[number].tensor,
                let sketch = LayerSketch(of: bytes.span, tensor.dtype)
            else { return }
            bases.learn(sketch, of: tensor)
        }
        return fetched
    }
}
