internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A file of an archive, with known cuts. Its layers come one after the other.
final class UnpackedFile: Sendable {
    let path: FilePath
    let size: UInt64
    let segmentation: Segmentation
    let offers: BaseOffers?
    private let layers: Mutex<[Layer?]>
    private let hashed = Mutex<Digest?>(nil)

    init(_ path: FilePath, size: UInt64, _ segmentation: Segmentation, offers: BaseOffers?) {
        (self.path, self.size, self.segmentation, self.offers) = (path, size, segmentation, offers)
        layers = Mutex(Array(repeating: nil, count: segmentation.cuts.count))
    }

    func note(_ layered: LayerIngester.Layered, of unit: Segmentation.Unit) {
        layers.withLock { layers in
            for (cut, layer) in zip(unit.cuts, layered.layers) { layers[cut] = layer }
        }
    }

    func note(_ digest: Digest) { hashed.withLock { $0 = digest } }

    /// When all of it was read and made into layers.
    func described() throws(CakeError) -> Manifest.File {
        let unfinished = CakeError(.failed, "\(path) was not read to its end")
        guard let digest = hashed.withLock({ $0 }) else { throw unfinished }
        var segments: [Manifest.Segment] = []
        for (cut, layer) in zip(segmentation.cuts, layers.withLock { $0 }) {
            guard let layer else { throw unfinished }
            segments.append(Manifest.Segment(layer: layer, tensor: cut.tensor))
        }
        return try Manifest.File(path: path, digest: digest, size: size, segments: segments)
    }
}

/// Cuts a file into units while its bytes come in order. A unit lies in a nameless file on this disk until it is a layer:
/// that is the only copy, and each is removed before the next ones grow too many.
final class StreamedFile {
    private let path: FilePath
    private let size: UInt64
    private let spoolPath: String
    private let bases: BaseCandidates?
    private var hash: SHA256? = SHA256()
    /// While the header is not known, with all bytes so far.
    private var reader: HeaderReader?
    private var head: [UInt8] = []
    private(set) var file: UnpackedFile?
    private var units: [Segmentation.Unit] = []
    private var next = 0
    private var spool: File?
    private var spooled: UInt64 = 0
    /// Whole units that were not taken yet.
    private var ready: [(unit: Segmentation.Unit, plain: PlainBytes)] = []

    init(_ path: FilePath, size: UInt64, spoolingAt spoolPath: String, bases: BaseCandidates?) throws(CakeError) {
        (self.path, self.size, self.spoolPath, self.bases) = (path, size, spoolPath, bases)
        if Segmentation.hasHeader(path) {
            reader = HeaderReader(size: size)
            try readHeader()
        } else {
            try begin(Segmentation(plain: size))
        }
    }

    func take(_ bytes: Span<UInt8>) throws(CakeError) {
        hash?.update(bytes)
        guard file == nil else { return try append(bytes) }
        for index in bytes.indices { head.append(bytes[index]) }
        try readHeader()
    }

    /// After its last byte.
    func finish() throws(CakeError) -> UnpackedFile {
        guard let file, let digest = hash.take()?.finish(), next == units.count else {
            throw CakeError(.damaged, "\(path) ends too early")
        }
        file.note(digest)
        return file
    }

    func takeReady() -> [(unit: Segmentation.Unit, plain: PlainBytes)] {
        defer { ready = [] }
        return ready
    }

    private func readHeader() throws(CakeError) {
        while let missing = reader?.missing {
            guard UInt64(head.count) >= missing.upperBound else { return }
            reader?.add(Array(head[Int(missing.lowerBound)..<Int(missing.upperBound)]))
        }
        guard let reader else { return }
        let segmentation: Segmentation
        do throws(CakeError) {
            segmentation = Segmentation(try reader.header())
        } catch {
            segmentation = Segmentation(plain: size, complaint: error.at(path.description))
        }
        self.reader = nil
        try begin(segmentation)
        let bytes = head
        head = []
        try append(bytes.span)
    }

    private func begin(_ segmentation: Segmentation) throws(CakeError) {
        let hasTensors = segmentation.cuts.contains { $0.tensor != nil }
        let offers = hasTensors ? bases.map { BaseOffers($0, for: [segmentation]) } : nil
        file = UnpackedFile(path, size: size, segmentation, offers: offers)
        units = segmentation.units
        endUnits()
    }

    private func append(_ bytes: Span<UInt8>) throws(CakeError) {
        var position = 0
        while position < bytes.count, next < units.count {
            let count = Int(min(units[next].count - spooled, UInt64(bytes.count - position)))
            try open().write(bytes.extracting(position..<position + count), at: spooled)
            position += count
            spooled += UInt64(count)
            endUnits()
        }
    }

    private func endUnits() {
        while next < units.count, spooled == units[next].count {
            let runs = spool.map { [PlainBytes.Run(file: $0, start: 0, count: spooled)] } ?? []
            ready.append((units[next], PlainBytes(runs)))
            (spool, spooled, next) = (nil, 0, next + 1)
        }
    }

    /// Removed at once: a command that is killed leaves nothing.
    private func open() throws(CakeError) -> File {
        if let spool { return spool }
        let made = try File(spoolPath, .create)
        try Disk.remove(spoolPath)
        spool = made
        return made
    }
}
