internal import Model
internal import Platform
internal import Store

/// Puts layers where they belong in files that are being written: each decoded, checked against its name and summed on the
/// way, several side by side.
struct Placing: Sendable {
    struct Item: Sendable {
        let layer: Layer
        /// Which of the files.
        let file: Int
        let offset: UInt64
    }

    let store: LocalStore
    let reader: LayerReader
    let progress: Progress
    /// What a layer is to a person.
    let name: @Sendable (Layer) -> String

    /// A checksum for each item.
    func callAsFunction(_ items: [Item], into files: [File]) async throws -> [CRC32] {
        let groups = Placing.grouped(items)
        var sums: [CRC32] = []
        sums.reserveCapacity(items.count)
        try await inOrder(groups.count, atOnce: BlockingPool.processors, on: store.pool) { index in
            if let next = groups[min(index + 1, groups.count - 1)].first { reader.startReading(items[next].layer) }
            var found: [CRC32] = []
            for place in groups[index] { found.append(try await write(items[place], to: files[items[place].file])) }
            return found
        } take: { _, found in
            sums += found
        }
        return sums
    }

    /// Neighbours go together, so that a task is worth its making.
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

    private func write(_ item: Item, to file: File) async throws -> CRC32 {
        var sum = CRC32()
        var hash = SHA256()
        var offset = item.offset
        do {
            // Its own pieces are decoded ahead only where other layers would leave a core idle.
            try await inOrder(LayerReader.pieces(of: item.layer), atOnce: 3, on: store.pool) { index in
                try Task.checkCancellation()
                return try reader.piece(index, of: item.layer)
            } take: { _, chunk in
                defer { reader.giveBack(chunk) }
                try chunk.withBytes { bytes throws(CakeError) in
                    hash.update(bytes)
                    sum.update(bytes)
                    try file.write(bytes, at: offset)
                }
                offset += UInt64(chunk.count)
                progress.did(bytes: UInt64(chunk.count))
            }
        } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
            throw blame(item.layer, error.what)
        }
        file.startWriting(from: item.offset, count: item.layer.size)
        let found = hash.finish()
        guard found == item.layer.digest else { throw blame(item.layer, "its bytes hash to \(found.short)") }
        return sum
    }

    /// Sets a damaged layer aside, so that the next import or pull brings it again.
    private func blame(_ layer: Layer, _ why: String) -> CakeError {
        if let damage = try? store.check(layer, with: reader, progress: { _ in }), damage.kind == .wrong {
            try? store.setAside([layer])
        }
        return CakeError(
            .damaged, "\(name(layer)) cannot be read: \(why)",
            fix: "import or pull the model again: what is missing is brought, the rest stays")
    }
}

extension Placing {
    /// Refuses layers that the store lacks before anything is written, by name.
    func refuseMissing(_ layers: some Sequence<Layer>) throws {
        var missing: [Layer] = []
        var seen: Set<Digest> = [.empty]
        for layer in layers where seen.insert(layer.digest).inserted {
            if try !store.contains(layer) { missing.append(layer) }
        }
        guard let first = missing.first else { return }
        let more = missing.count > 1 ? " and \(missing.count - 1) more" : ""
        throw CakeError(
            .notFound, "\(name(first))\(more) \(missing.count > 1 ? "are" : "is") not in the store",
            fix: "pull the whole model, or choose what is here with --tensors or --include")
    }
}
