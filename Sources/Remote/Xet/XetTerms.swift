package import Model

/// What a Xet server said of the files of one snapshot, asked at most once for each. It only ever spares bytes: whoever
/// gets no answer does without.
package actor XetTerms {
    private let source: XetSource
    private let snapshot: Snapshot
    private var asked: [FilePath: Task<XetReconstruction?, Never>] = [:]

    package init(_ source: XetSource, of snapshot: Snapshot) {
        self.source = source
        self.snapshot = snapshot
    }

    package func terms(of file: SnapshotFile) async -> XetReconstruction? {
        guard file.xetHash != nil else { return nil }
        let (source, snapshot) = (source, snapshot)
        let task =
            asked[file.path] ?? Task { try? await source.reconstruction(of: file, in: snapshot) }
        asked[file.path] = task
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

extension XetRecord {
    /// Coordinates of a file's layers.
    package mutating func add(_ layers: some Sequence<Layer>, of terms: XetReconstruction) {
        var start: UInt64 = 0
        for layer in layers {
            let (end, overflow) = start.addingReportingOverflow(layer.size)
            guard !overflow, let coordinates = terms.coordinates(of: start..<end) else { return }
            if let entry = Entry(layer, coordinates) { add(entry) }
            start = end
        }
    }
}
