internal import Model
internal import Store

/// Turns a file's bytes into layers of the store, a unit at a time, wherever they come from.
struct Layering: Sendable {
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

        /// Of layers that were here, or came twice.
        var bytesKnown: UInt64 {
            switch self {
            case .large(let layer, let wasHere): wasHere ? layer.size : 0
            case .small(let found): found.reduce(0) { $0 + ($1.wasHere ? $1.layer.size : 0) }
            }
        }
    }

    let store: LocalStore
    let operation: Operation
    /// Everything is read and nothing is stored.
    var isDryRun = false

    /// Names the layers of a unit and writes aside those that the store lacks. `progress` hears of plain bytes done.
    func layer(
        _ unit: Segmentation.Unit, of segmentation: Segmentation, _ plain: PlainBytes, progress: (UInt64) -> Void
    ) async throws -> Layered {
        let cuts = segmentation.cuts[unit.cuts]
        guard unit.isLarge, let cut = cuts.first else {
            let small = try store.readSmall(cuts.map { (Int($0.count), $0.tensor != nil) }, of: plain, in: operation)
            progress(unit.count)
            return .small(small)
        }
        let reading = try store.read(plain)
        defer { store.release(reading) }
        guard try operation.claim([reading.layer]) == [.needed] else {
            progress(unit.count)
            return .large(reading.layer, wasHere: true)
        }
        if isDryRun {
            progress(unit.count)
        } else {
            try await store.ingest(plain, reading, isTensor: cut.tensor != nil, in: operation, progress: progress)
        }
        return .large(reading.layer, wasHere: false)
    }
}
