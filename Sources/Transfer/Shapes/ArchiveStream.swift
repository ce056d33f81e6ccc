internal import Model
internal import Platform
internal import Store

/// One archive while it comes, in order: its bytes are hashed, decoded, taken apart, and cut into units of layers. Nothing that it
/// says is believed before the end, where its digest has to match. A layer that is a file itself is only cut.
final class ArchiveStream {
    /// One thing that the archive has for the model.
    typealias Entry = (place: ArchivePlace, file: UnpackedFile?)

    private let layer: ForeignLayer
    private let store: LocalStore
    private let spoolPath: String
    private let bases: BaseCandidates?
    private let mismatch: CakeError
    private var hash: SHA256? = SHA256()
    /// Of the plain bytes, where they have a digest of their own.
    private var plainHash: SHA256?
    private let decoder = StreamDecoder()
    private let room = Chunk(capacity: 256 << 10)
    private var scanner = TarScanner()
    private var current: (file: StreamedFile, place: ArchivePlace)?
    private var came: UInt64 = 0
    private var plain: UInt64 = 0
    private var seen: Set<FilePath> = []
    private(set) var entries: [Entry] = []
    /// Whole units that were not taken yet.
    private var ready: [(file: UnpackedFile, unit: Segmentation.Unit, plain: PlainBytes)] = []

    /// Weights shrink by a few times at most. What grows more is made to fill disks.
    static let mostGrowth: UInt64 = 200
    private static let alwaysAllowed: UInt64 = 64 << 20
    static let mostFiles = 100_000
    private static let checkedFile: UInt64 = 16 << 20

    init(
        _ layer: ForeignLayer, in store: LocalStore, spoolingAt spoolPath: String, bases: BaseCandidates?,
        mismatch: CakeError
    ) {
        (self.layer, self.store, self.spoolPath, self.bases) = (layer, store, spoolPath, bases)
        self.mismatch = mismatch
        if let digest = layer.plainDigest, digest != layer.digest { plainHash = SHA256() }
    }

    /// The next bytes of the archive. `handOver` is called whenever units are ready.
    func take(_ chunk: Chunk, _ count: Int, _ handOver: () async throws -> Void) async throws {
        chunk.withBytes { bytes in hash?.update(bytes.extracting(first: count)) }
        came += UInt64(count)
        if case .file(let path) = layer.content {
            let file = try current?.file ?? beginFile(path)
            try chunk.withBytes { bytes throws(CakeError) in try file.take(bytes.extracting(first: count)) }
            takeUnits()
            return try await handOver()
        }
        var position = 0
        while try chunk.withBytes({ input throws(CakeError) in
            try decoder.decode(input.extracting(first: count), from: &position, into: room)
        }) {
            try scan()
            if !ready.isEmpty { try await handOver() }
        }
    }

    func takeReady() -> [(file: UnpackedFile, unit: Segmentation.Unit, plain: PlainBytes)] {
        defer { ready = [] }
        return ready
    }

    /// After its last byte.
    func finish() throws(CakeError) {
        guard came == layer.size, let found = hash.take()?.finish(), found == layer.digest else {
            throw mismatch
        }
        if case .file(let path) = layer.content {
            if current == nil { _ = try beginFile(path) }
            return try end()
        }
        try decoder.finish(into: room)
        try scan()
        try scanner.finish()
        if let said = layer.plainDigest {
            let found = plainHash.take()?.finish() ?? layer.digest
            guard found == said else {
                throw CakeError(
                    .damaged, "its plain bytes hash to \(found.short), and the config says \(said.short)",
                    fix: "manifest and config do not belong together; ask who pushed it")
            }
        }
    }

    private func beginFile(_ path: FilePath) throws(CakeError) -> StreamedFile {
        let file = try StreamedFile(path, size: layer.size, spoolingAt: spoolPath, bases: bases)
        current = (file, .file(path))
        return file
    }

    private func scan() throws(CakeError) {
        guard room.count > 0 else { return }
        plain += UInt64(room.count)
        let limit = layer.size * ArchiveStream.mostGrowth + ArchiveStream.alwaysAllowed
        guard decoder.coding == .plain || plain <= limit else {
            throw CakeError(
                .damaged,
                "it has \(Quantities.bytes(layer.size)) and decodes to more than \(Quantities.bytes(limit)), which no model does",
                fix: "do not use it; ask who pushed it")
        }
        try room.withBytes { bytes throws(CakeError) in
            plainHash?.update(bytes)
            var position = 0
            while let event = try scanner.next(in: bytes, from: &position) {
                switch event {
                case .entry(let entry): try begin(entry)
                case .bytes(let range):
                    try current?.file.take(bytes.extracting(range))
                    takeUnits()
                case .endOfFile: try end()
                }
            }
        }
    }

    private func begin(_ entry: TarScanner.Entry) throws(CakeError) {
        let place = try ArchivePlace(entry, in: layer.content)
        switch place {
        case .outside: break
        case .folder, .removed, .emptied: entries.append((place, nil))
        case .file(let path):
            guard seen.insert(path).inserted else {
                throw TarScanner.refuse("has \"\(path)\" twice")
            }
            guard entries.count < ArchiveStream.mostFiles else {
                throw TarScanner.refuse("has more than \(ArchiveStream.mostFiles) files of the model")
            }
            if entry.size >= ArchiveStream.checkedFile { try store.refuseIfTooSmall(forFetching: entry.size) }
            current = (try StreamedFile(path, size: entry.size, spoolingAt: spoolPath, bases: bases), place)
            takeUnits()
        }
    }

    private func takeUnits() {
        guard let streamed = current?.file, let file = streamed.file else { return }
        for (unit, plain) in streamed.takeReady() { ready.append((file, unit, plain)) }
    }

    private func end() throws(CakeError) {
        guard let (streamed, place) = current else { return }
        takeUnits()
        entries.append((place, try streamed.finish()))
        current = nil
    }
}
