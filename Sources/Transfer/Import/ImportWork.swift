internal import Model
internal import Platform
internal import Store

/// The steps of an import, each for one thread: a unit of a file's layers.
struct ImportWork: Sendable {
    struct Opened: Sendable {
        let found: FolderSource.Found
        /// As it was when its header was read.
        let status: Disk.Status
        let segmentation: Segmentation
    }

    struct Step: Sendable {
        let file: Int
        let unit: Int
        /// Units of small layers are packed in the order of the steps.
        let run: Int
    }

    struct Outcome: Sendable {
        let step: Step
        let layered: LayerIngester.Layered
        /// Of the file, where this was the last of it.
        let digest: Digest?
    }

    let ingester: LayerIngester
    let files: [Opened]
    let progress: Progress

    let units: [[Segmentation.Unit]]
    private let hashes: [FileHash]

    init(ingester: LayerIngester, files: [Opened], progress: Progress) {
        self.ingester = ingester
        self.files = files
        self.progress = progress
        units = files.map(\.segmentation.units)
        hashes = units.map(FileHash.init)
    }

    /// So many files at once: hashing one from its first byte to its last is work for one core.
    private static let filesAtOnce = 4

    /// A few files side by side, each in the order of its bytes; the same on every machine.
    func steps() -> [Step] {
        var steps: [Step] = []
        var runs = 0
        var waiting = units.indices.filter { !units[$0].isEmpty }[...]
        var open: [(file: Int, next: Int)] = []
        while true {
            while open.count < ImportWork.filesAtOnce, let file = waiting.popFirst() { open.append((file, 0)) }
            if open.isEmpty { return steps }
            for place in open.indices {
                let (file, unit) = open[place]
                steps.append(Step(file: file, unit: unit, run: runs))
                if !units[file][unit].isLarge { runs += 1 }
                open[place].next += 1
            }
            open.removeAll { $0.next == units[$0.file].count }
        }
    }

    func perform(_ step: Step) async throws -> Outcome {
        try Task.checkCancellation()
        let file = files[step.file]
        let unit = units[step.file][step.unit]
        let layered = try await ingester.layer(
            unit, of: file.segmentation, file: step.file, try plain(file.found, unit.start, unit.count),
            turn: FileHash.Turn(file: hashes[step.file], unit: step.unit)
        ) { progress.did(bytes: $0) }
        let isLast = step.unit == units[step.file].count - 1
        return Outcome(step: step, layered: layered, digest: isLast ? hashes[step.file].finish() : nil)
    }

    private func plain(_ found: FolderSource.Found, _ start: UInt64, _ count: UInt64) throws(CakeError) -> PlainBytes {
        PlainBytes(file: try File(found.location, .read), start: start, count: count)
    }
}
