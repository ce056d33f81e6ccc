package import Model
internal import Platform

/// A Xet server's statements about the files of one snapshot, requested at most once for each. They only save bytes: a
/// task without an answer continues without.
package struct XetTerms: Sendable {
    private let source: XetSource
    private let snapshot: Snapshot
    private let told = SharedValues<FilePath, XetReconstruction?>()

    package init(_ source: XetSource, of snapshot: Snapshot) {
        self.source = source
        self.snapshot = snapshot
    }

    package func terms(of file: SnapshotFile) async -> XetReconstruction? {
        guard file.xetHash != nil else { return nil }
        let found = try? await told.value(for: file.path) {
            do {
                return try await source.reconstruction(of: file, in: snapshot)
            } catch {
                try Task.checkCancellation()
                return nil
            }
        }
        return found ?? nil
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
