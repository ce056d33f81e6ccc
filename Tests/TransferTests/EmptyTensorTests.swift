import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite(.timeLimit(.minutes(15))) struct `Tensors without bytes` {
    enum Kind: String, CaseIterable {
        case large, small, empty

        func part(_ number: Int) -> ModelMaker.Part {
            switch self {
            case .large: .init("t\(number)", bytes: (1 << 20) + 4096 * number, seed: UInt64(number))
            case .small: .init("t\(number)", bytes: 512, seed: UInt64(number))
            case .empty: .init(Tensor(name: ExactText("t\(number)"), dtype: .f32, shape: [0, 4]), [])
            }
        }
    }

    /// Every row of so many tensors.
    static func rows(of length: Int) -> [[Kind]] {
        guard length > 0 else { return [[]] }
        return rows(of: length - 1).flatMap { row in Kind.allCases.map { row + [$0] } }
    }

    @Test(arguments: 1...4) func `are imported wherever they lie`(length: Int) async throws {
        let scratch = try Scratch()
        let shelf = try Shelf(at: scratch["store"])
        try await onPool {
            for (index, row) in Self.rows(of: length).enumerated() where row.contains(.empty) {
                let bytes = try ModelMaker.safetensors(row.enumerated().map { $1.part($0) })
                let folder = try ModelMaker.write(["model.safetensors": bytes], to: scratch["\(index)"])
                let manifest = try await shelf.bring(folder, as: "m\(index)", bases: .none)
                let file = try shelf.store.manifest(manifest).files[0]
                #expect(file.digest == SHA256.digest(of: bytes.span), "\(row.map(\.rawValue))")
            }
        }
    }

    private static func hash(_ counts: [UInt64]) -> FileHash {
        var start: UInt64 = 0
        return FileHash(
            counts.map { count in
                defer { start += count }
                return Segmentation.Unit(cuts: 0..<1, start: start, count: count, isLarge: count > 1)
            })
    }

    private static func take(_ unit: Int, of hash: FileHash, adding bytes: [UInt8]) async throws {
        try await FileHash.Turn(file: hash, unit: unit).take { $0.update(bytes.span) }
    }

    @Test func `wait for the same as the one behind them`() async throws {
        let hash = Self.hash([10, 0, 0, 10])
        let (first, last) = (seededBytes(10, seed: 1), seededBytes(10, seed: 2))
        let waiting = [3, 1, 2].map { unit in
            Task { try await Self.take(unit, of: hash, adding: unit == 3 ? last : []) }
        }
        while hash.tasksWaiting < 3 { await Task.yield() }
        try await Self.take(0, of: hash, adding: first)
        for task in waiting { try await task.value }
        #expect(hash.finish() == SHA256.digest(of: (first + last).span))
    }

    @Test func `have no hold of the hash that the next one needs`() async throws {
        let hash = Self.hash([10, 0, 10])
        let (first, last) = (seededBytes(10, seed: 1), seededBytes(10, seed: 2))
        try await Self.take(0, of: hash, adding: first)
        try await Self.take(1, of: hash, adding: first)
        try await Self.take(2, of: hash, adding: last)
        #expect(hash.finish() == SHA256.digest(of: (first + last).span))
    }
}
