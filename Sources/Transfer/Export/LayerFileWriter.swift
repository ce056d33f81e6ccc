internal import Model
internal import Platform
internal import Store

/// Writes layers to their places in files: each decoded, compared with its name and written by one thread, several side
/// by side. A byte is hashed once: if all layers of a file are right, the file is right, because it was hashed from
/// these layers when its manifest was saved.
struct LayerFileWriter: Sendable {
    struct Item: Sendable {
        let layer: Layer
        /// Which of the files.
        let file: Int
        let offset: UInt64
    }

    let store: LocalStore
    let reader: LayerReader
    let progress: Progress
    let model: ModelName
    /// The name of a layer for a person.
    let name: @Sendable (Layer) -> String

    /// Into files that are there. The items of a file are neighbours. Returns a checksum for each item when they are asked
    /// for.
    func callAsFunction(_ items: [Item], into paths: [String], isSummed: Bool = false) async throws -> [CRC32] {
        let groups = LayerFileWriter.grouped(items)
        do {
            // One more than there are cores, for one may wait for the disk.
            return try await sideBySide(groups.count, atOnce: BlockingPool.processors + 1, on: store.pool) { index in
                let ahead = index + BlockingPool.processors + 1
                if ahead < groups.count { reader.startReading(items[groups[ahead].lowerBound].layer) }
                var found: [CRC32] = []
                var open: (number: Int, file: File)?
                for item in items[groups[index]] {
                    let file: File
                    if let open, open.number == item.file {
                        file = open.file
                    } else {
                        try open?.file.finish()
                        file = try File(paths[item.file], .readWrite)
                        open = (item.file, file)
                    }
                    let sum = try await write(item, to: file, isSummed: isSummed)
                    if isSummed { found.append(sum) }
                }
                try open?.file.finish()
                return found
            }.flatMap(\.self)
        } catch let failure as Failure {
            let same = items.filter { $0.file == failure.item.file }.map(\.layer)
            throw blame(same) ?? failure.error.at(model.description)
        }
    }

    /// A layer is missing, or does not match its name.
    private struct Failure: Error {
        let item: Item
        let error: CakeError
    }

    /// Neighbours go together: a task is then worth its cost.
    private static func grouped(_ items: [Item]) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, bytes) = (0, UInt64(0))
        for (index, item) in items.enumerated() {
            if index > start, bytes + min(item.layer.size, groupSize) > groupSize {
                groups.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += min(item.layer.size, groupSize)
        }
        if start < items.count { groups.append(start..<items.count) }
        return groups
    }

    private static let groupSize: UInt64 = 16 << 20
    /// Of a layer so large other layers may be written before it is, and then leave a core idle: pieces are decoded ahead.
    private static let largeSize: UInt64 = 64 << 20
    /// The disk starts writing after this many bytes: the sync at the end then has little left.
    private static let writeStep: UInt64 = 8 << 20

    private func write(_ item: Item, to file: File, isSummed: Bool) async throws -> CRC32 {
        var sum = CRC32()
        guard item.layer.size > 0 || item.layer.digest == .empty else {
            throw Failure(item: item, error: CakeError(.damaged, "\(name(item.layer)): it has no bytes"))
        }
        var (offset, writing) = (item.offset, item.offset)
        let ahead = item.layer.size < LayerFileWriter.largeSize ? 1 : 3
        do {
            try await PieceReader([item.layer], by: reader).forEach(ahead: ahead, checking: .layers) { _, chunk in
                try chunk.withBytes { bytes throws(CakeError) in
                    if isSummed { sum.update(bytes) }
                    try file.write(bytes, at: offset)
                }
                offset += UInt64(chunk.count)
                if offset - writing >= LayerFileWriter.writeStep {
                    file.startWriting(from: writing, count: offset - writing)
                    writing = offset
                }
                progress.did(bytes: UInt64(chunk.count))
            }
        } catch let unreadable as PieceReader.Unreadable {
            throw Failure(item: item, error: unreadable.error.at(name(item.layer)))
        }
        file.startWriting(from: writing, count: offset - writing)
        return sum
    }
}

extension LayerFileWriter {
    /// Refuses layers that the store lacks before anything is written, by name.
    func refuseMissing(_ layers: some Sequence<Layer>) throws {
        var missing: [Layer] = []
        var seen: Set<Digest> = [.empty]
        for layer in layers where seen.insert(layer.digest).inserted {
            if try !store.contains(layer) { missing.append(layer) }
        }
        if let error = blame(missing) { throw error }
    }

    /// Finds which of these layers are wrong, and sets them aside: the next import or pull stores them again. Nil if
    /// all are right.
    private func blame(_ layers: [Layer]) -> CakeError? {
        if !layers.isEmpty { progress.begin("looking for damage in \(model)") }
        var culprits: [String] = []
        var damaged: [Layer] = []
        var seen: Set<Digest> = []
        for layer in layers where seen.insert(layer.digest).inserted {
            guard let damage = try? store.check(layer, with: reader, progress: { _ in }) else { continue }
            culprits.append("\(name(layer)): \(damage.why)")
            if damage.kind == .wrong { damaged.append(damage.layer) }
        }
        guard !culprits.isEmpty else { return nil }
        try? store.setAside(damaged)
        let more = culprits.count > 3 ? " and \(culprits.count - 3) more" : ""
        return CakeError(
            .damaged, "\(model) cannot be exported: \(culprits.prefix(3).joined(separator: "; "))\(more)",
            fix: "import or pull the model again: only missing layers are stored")
    }
}
