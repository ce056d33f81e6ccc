internal import Model
internal import Platform
internal import Store

/// The steps of an import, each for one thread: a file's own digest, or a unit of its layers.
struct ImportWork: Sendable {
    struct Opened: Sendable {
        let found: FolderSource.Found
        /// As it was when its header was read.
        let status: Disk.Status
        let segmentation: Segmentation
    }

    enum Step: Sendable {
        case file(Int)
        /// `run` counts the units of small layers: these are packed in order.
        case unit(Segmentation.Unit, file: Int, run: Int)
    }

    enum Outcome: Sendable {
        case file(Int, Digest)
        case unit(Segmentation.Unit, file: Int, run: Int, Layering.Layered)
    }

    let layering: Layering
    let files: [Opened]
    let progress: Progress

    /// In the order of the bytes, so that the disk is read from front to back. A file's digest begins with its layers: both
    /// read the same pages while these are in memory.
    func steps() -> [Step] {
        var steps: [Step] = []
        var runs = 0
        for (index, file) in files.enumerated() {
            steps.append(.file(index))
            for unit in file.segmentation.units {
                steps.append(.unit(unit, file: index, run: runs))
                if !unit.isLarge { runs += 1 }
            }
        }
        return steps
    }

    func perform(_ step: Step) async throws -> Outcome {
        try Task.checkCancellation()
        switch step {
        case .file(let index):
            let found = files[index].found
            var hash = SHA256()
            try layering.store.forEachChunk(of: plain(found, 0, found.size)) { hash.update($0) }
            return .file(index, hash.finish())
        case .unit(let unit, let index, let run):
            let file = files[index]
            let layered = try await layering.layer(
                unit, of: file.segmentation, file: index, try plain(file.found, unit.start, unit.count)
            ) { progress.did(bytes: $0) }
            return .unit(unit, file: index, run: run, layered)
        }
    }

    private func plain(_ found: FolderSource.Found, _ start: UInt64, _ count: UInt64) throws(CakeError) -> PlainBytes {
        PlainBytes(file: try File(found.location, .read), start: start, count: count)
    }
}
