internal import Model
internal import Platform
internal import Store

/// Makes layers of files on this disk, and hashes the files meanwhile.
struct ImportWork: Converter {
    struct Opened: Sendable {
        let found: FolderSource.Found
        /// As it was when its header was read.
        let status: Disk.Status
        let segmentation: Segmentation

        /// Nil for bytes that are no tensor, or too few.
        func sketch(ofCut number: Int) throws(CakeError) -> LayerSketch? {
            let cut = segmentation.cuts[number]
            guard let dtype = cut.tensor?.dtype else { return nil }
            let sample = LayerSketch.sample(of: cut.count)
            let bytes = try File(found.location, .read).bytes(
                at: cut.start + sample.lowerBound, count: Int(sample.length))
            return LayerSketch(of: bytes.span, dtype)
        }
    }

    struct Made: Sendable {
        let layered: LayerIngester.Layered
        /// Of the file, where this was the last of it.
        let digest: Digest?
    }

    private let ingester: LayerIngester
    private let files: [Opened]
    private let progress: Progress
    private let units: [[Segmentation.Unit]]
    private let hashes: [FileHash]

    private var layers: [[Layer?]]
    private var digests: [Digest?]
    private(set) var bytesKnown: UInt64 = 0
    /// The place of each run of small layers among all of them, which are packed in the order in which they are begun.
    private var runs: [[Int]]
    /// Runs that ended before one that was begun earlier.
    private var early: [Int: LayerIngester.Layered] = [:]
    private var nextRun = 0

    init(_ files: [Opened], into ingester: LayerIngester, telling progress: Progress) {
        (self.files, self.ingester, self.progress) = (files, ingester, progress)
        units = files.map(\.segmentation.units)
        hashes = units.map(FileHash.init)
        layers = files.map { Array(repeating: nil, count: $0.segmentation.cuts.count) }
        // A file of no bytes has no units.
        digests = units.map { $0.isEmpty ? .empty : nil }
        runs = units.map { Array(repeating: 0, count: $0.count) }
    }

    /// The number of files at once: hashing one from its first byte to its last is work for one core.
    private static let filesAtOnce = 4

    var count: Int { units.reduce(0) { $0 + $1.count } }

    /// A few files side by side, each in the order of its bytes; the same on every machine.
    mutating func begin() -> FinishedUnits {
        let all = FinishedUnits()
        var run = 0
        var waiting = units.indices.filter { !units[$0].isEmpty }[...]
        var open: [(file: Int, next: Int)] = []
        while true {
            while open.count < ImportWork.filesAtOnce, let file = waiting.popFirst() { open.append((file, 0)) }
            if open.isEmpty { break }
            for number in open.indices {
                let (file, unit) = open[number]
                runs[file][unit] = run
                if !units[file][unit].isLarge { run += 1 }
                all.of(file: file)(unit)
                open[number].next += 1
            }
            open.removeAll { $0.next == units[$0.file].count }
        }
        all.end()
        for units in units where units.isEmpty { progress.finished() }
        return all
    }

    var convert: @Sendable (FinishedUnit) async throws -> Made {
        { [files, units, hashes, ingester, progress] place in
            let (file, hash) = (files[place.file], hashes[place.file])
            let unit = units[place.file][place.unit]
            do {
                try Task.checkCancellation()
                let plain = PlainBytes(
                    file: try File(file.found.location, .read), start: unit.start, count: unit.count)
                let layered = try await ingester.layer(
                    unit, of: file.segmentation, file: place.file, plain,
                    turn: FileHash.Turn(file: hash, unit: place.unit)
                ) { progress.did(bytes: $0) }
                let isLast = place.unit == units[place.file].count - 1
                return Made(layered: layered, digest: isLast ? hash.finish() : nil)
            } catch {
                hash.giveUp(error)
                throw error
            }
        }
    }

    mutating func take(_ made: Made, of unit: FinishedUnit) throws -> Bool {
        for (cut, layer) in zip(units[unit.file][unit.unit].cuts, made.layered.layers) {
            layers[unit.file][cut] = layer
        }
        bytesKnown += made.layered.bytesKnown
        progress.knew(bytes: made.layered.bytesKnown)
        if let digest = made.digest {
            digests[unit.file] = digest
            progress.finished()
        }
        guard !units[unit.file][unit.unit].isLarge else { return false }
        early[runs[unit.file][unit.unit]] = made.layered
        while let next = early.removeValue(forKey: nextRun) {
            if !ingester.isDryRun { try next.pack(in: ingester.operation) }
            nextRun += 1
        }
        return false
    }

    func manifest() throws(CakeError) -> Manifest {
        var result: [Manifest.File] = []
        for (number, file) in files.enumerated() {
            guard let digest = digests[number] else {
                throw CakeError(.failed, "\(file.found.path) was not read to its end")
            }
            if let promised = file.found.promised, promised != digest {
                throw CakeError(
                    .damaged,
                    "\(file.found.path): its bytes hash to \(digest.short), but the cache names them \(promised.short)",
                    fix: "it is damaged: remove \(Printable.escape(file.found.location)) and download it again")
            }
            var segments: [Manifest.Segment] = []
            segments.reserveCapacity(file.segmentation.cuts.count)
            for (cut, layer) in zip(file.segmentation.cuts, layers[number]) {
                guard let layer else { throw CakeError(.failed, "\(file.found.path) was not read to its end") }
                segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
            }
            result.append(
                try Manifest.File(path: file.found.path, digest: digest, size: file.found.size, segments: segments))
        }
        return try Manifest(files: result)
    }
}
