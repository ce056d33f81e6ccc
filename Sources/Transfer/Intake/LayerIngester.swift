internal import Model
internal import Platform
internal import Store

/// Turns a file's bytes into layers of the store, a unit at a time, from any source.
struct LayerIngester: Sendable {
    enum Layered: Sendable {
        case large(Layer, wasHere: Bool)
        case small([LocalStore.SmallLayer])

        /// One for each cut of the unit.
        var layers: [Layer] {
            switch self {
            case .large(let layer, _): [layer]
            case .small(let found): found.map(\.layer)
            }
        }

        /// Small objects are packed with others, to be published; large ones are written aside already.
        func pack(in operation: Operation) throws(CakeError) {
            if case .small(let found) = self { for small in found { try small.pack(in: operation) } }
        }

        /// For layers that were here, or came twice.
        var bytesKnown: UInt64 {
            switch self {
            case .large(let layer, let wasHere): wasHere ? layer.size : 0
            case .small(let found): found.reduce(0) { $0 + ($1.wasHere ? $1.layer.size : 0) }
            }
        }
    }

    let store: LocalStore
    let operation: Operation
    /// Candidates for the bases of new layers; nil for none.
    var offers: BaseOffers?
    /// Everything is read and nothing is stored.
    var isDryRun = false

    /// Names the layers of a unit and writes aside those that the store lacks. The number of the file is its number in
    /// `offers`. `read` replaces the store's way to read a large one. `progress` gets the plain bytes done.
    func layer(
        _ unit: Segmentation.Unit, of segmentation: Segmentation, file: Int, _ plain: PlainBytes,
        turn: FileHash.Turn? = nil, reading read: ((PlainBytes) throws -> LocalStore.Reading)? = nil,
        progress: (UInt64) -> Void
    ) async throws -> Layered {
        try await layer(
            segmentation.cuts[unit.cuts], isLarge: unit.isLarge, file: file, plain, turn: turn, reading: read,
            progress: progress)
    }

    /// One large cut, or small ones that are smaller together. Without a file there are no candidates for them. In its
    /// turn it is also hashed for the file.
    func layer(
        _ cuts: ArraySlice<Segmentation.Cut>, isLarge: Bool, file: Int? = nil, _ plain: PlainBytes,
        turn: FileHash.Turn? = nil, reading read: ((PlainBytes) throws -> LocalStore.Reading)? = nil,
        progress: (UInt64) -> Void
    ) async throws -> Layered {
        guard isLarge, let cut = cuts.first else {
            // They are few enough to be read twice.
            try await turn?.take { hash in try store.forEachChunk(of: plain) { hash.update($0) } }
            let small = try store.readSmall(
                cuts.map { .init(count: Int($0.count), kind: $0.tensor?.kind) }, of: plain, in: operation
            ) { isDryRun ? [] : offered(file, cuts.startIndex + $0) }
            progress(plain.count)
            return .small(small)
        }
        let reading =
            if let turn {
                try await turn.take { hash in try store.read(plain, alsoInto: &hash) }
            } else {
                try read?(plain) ?? store.read(plain)
            }
        return try await keep(plain, reading, cut.tensor?.kind, bases: offered(file, cuts.startIndex), progress)
    }

    /// Bytes that are another layer than they should be.
    struct OtherBytes: Error {
        let digest: Digest
    }

    /// A layer whose name is known. Other bytes are not stored.
    func layer(
        _ layer: Layer, kind: Tensor.Kind?, _ plain: PlainBytes, progress: (UInt64) -> Void
    ) async throws -> Layered {
        guard layer.size >= LocalStore.smallLimit else {
            let small = try store.readSmall([.init(count: Int(layer.size), kind: kind)], of: plain, in: operation)
            for found in small where found.layer != layer { throw OtherBytes(digest: found.layer.digest) }
            progress(plain.count)
            return .small(small)
        }
        let reading = try store.read(plain)
        guard reading.layer == layer else {
            store.release(reading)
            throw OtherBytes(digest: reading.layer.digest)
        }
        return try await keep(plain, reading, kind, bases: [], progress)
    }

    private func keep(
        _ plain: PlainBytes, _ reading: LocalStore.Reading, _ kind: Tensor.Kind?, bases: @autoclosure () -> [Layer],
        _ progress: (UInt64) -> Void
    ) async throws -> Layered {
        defer { store.release(reading) }
        guard try operation.claim([reading.layer]) == [.needed] else {
            progress(plain.count)
            return .large(reading.layer, wasHere: true)
        }
        if isDryRun {
            progress(plain.count)
        } else {
            try await store.ingest(plain, reading, kind: kind, bases: bases(), in: operation, progress: progress)
        }
        return .large(reading.layer, wasHere: false)
    }

    /// The candidates for the base of a cut.
    private func offered(_ file: Int?, _ cut: Int) -> [Layer] {
        file.flatMap { offers?.layers(file: $0, cut: cut) } ?? []
    }
}
