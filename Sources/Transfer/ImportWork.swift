internal import Model
internal import Platform
internal import Store

/// The steps of an import, each for one thread: a file's own digest, a large layer, or a run of small ones.
struct ImportWork: Sendable {
    struct Opened: Sendable {
        let found: FolderSource.Found
        /// As it was when its header was read.
        let status: Disk.Status
        let segmentation: Segmentation
    }

    enum Step: Sendable {
        case file(Int)
        case large(file: Int, cut: Int)
        case small(number: Int, file: Int, cuts: Range<Int>)
    }

    enum Outcome: Sendable {
        case file(Int, Digest)
        case large(file: Int, cut: Int, Layer, wasHere: Bool)
        case small(number: Int, file: Int, firstCut: Int, [LocalStore.SmallLayer])
    }

    let store: LocalStore
    let operation: Operation
    let files: [Opened]
    let progress: Progress
    let isDryRun: Bool

    /// In the order of the bytes, so that the disk is read from front to back. A file's digest begins with its layers: both
    /// read the same pages while these are in memory.
    func steps() -> [Step] {
        var steps: [Step] = []
        var runs = 0
        for (index, file) in files.enumerated() {
            steps.append(.file(index))
            let cuts = file.segmentation.cuts
            var first = 0
            while first < cuts.count {
                if cuts[first].count >= LocalStore.smallLimit {
                    steps.append(.large(file: index, cut: first))
                    first += 1
                    continue
                }
                var (end, bytes) = (first, UInt64(0))
                while end < cuts.count, bytes + cuts[end].count <= LocalStore.smallLimit {
                    bytes += cuts[end].count
                    end += 1
                }
                steps.append(.small(number: runs, file: index, cuts: first..<end))
                runs += 1
                first = end
            }
        }
        return steps
    }

    func perform(_ step: Step) async throws -> Outcome {
        try Task.checkCancellation()
        switch step {
        case .file(let index):
            let found = files[index].found
            let reading = try store.read(try plain(found, 0, found.size), progress: { _ in })
            return .file(index, reading.layer.digest)
        case .large(let index, let cut):
            let file = files[index]
            let bounds = file.segmentation.cuts[cut]
            let bytes = try plain(file.found, bounds.start, bounds.count)
            let reading = try store.read(bytes, progress: { _ in })
            guard try operation.claim([reading.layer]) == [.needed] else {
                progress.did(bytes: bounds.count)
                return .large(file: index, cut: cut, reading.layer, wasHere: true)
            }
            if isDryRun {
                progress.did(bytes: bounds.count)
                return .large(file: index, cut: cut, reading.layer, wasHere: false)
            }
            try await store.ingest(bytes, reading, isTensor: bounds.tensor != nil, in: operation) {
                progress.did(bytes: $0)
            }
            return .large(file: index, cut: cut, reading.layer, wasHere: false)
        case .small(let number, let index, let range):
            let file = files[index]
            let cuts = file.segmentation.cuts[range]
            let count = cuts.reduce(0) { $0 + $1.count }
            let bytes = try plain(file.found, cuts.first?.start ?? 0, count)
            let found = try store.readSmall(cuts.map { (Int($0.count), $0.tensor != nil) }, of: bytes, in: operation)
            progress.did(bytes: count)
            return .small(number: number, file: index, firstCut: range.lowerBound, found)
        }
    }

    private func plain(_ found: FolderSource.Found, _ start: UInt64, _ count: UInt64) throws(CakeError) -> PlainBytes {
        PlainBytes(file: try File(found.location, .read), start: start, count: count)
    }
}
