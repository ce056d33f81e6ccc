import Model
import Platform
import Support
import Synchronization
import Testing

@testable import Mount
@testable import Store

/// What a read of the kernel gets: bytes of layers that are stored as they are, coded, and small.
@Suite struct `A read of a mount` {
    static let megabyte = 1 << 20

    /// A file of such layers, open.
    struct Opened {
        let bench: TreeBench
        let files: OpenFiles
        let file: OpenFile
        let bytes: [UInt8]
        let layers: [Layer]
        let told = Told()

        init(_ parts: [ModelMaker.Part], cache: UInt64 = 256 << 20) async throws {
            bench = try TreeBench()
            bytes = try ModelMaker.safetensors(parts)
            try await bench.bring("m", ["model.safetensors": bytes])
            let tree = bench.tree()
            let content = try tree.content(of: #require(try tree.look("m/model.safetensors")))
            layers = content.parts.compactMap { part in
                guard case .layer(let layer) = part else { return nil }
                return layer
            }
            files = OpenFiles(bench.shelf.store, cache: cache) { [told] in told.note($0) }
            file = try files.open(content, at: "m/model.safetensors")
        }

        /// Whether a read gives what it should; nil for EIO.
        func isRight(_ start: Int, _ count: Int) async -> Bool? {
            await answer(start, count).map { answer in
                var place = start
                for run in answer.runs {
                    let wanted = bytes.span.extracting(place..<place + run.range.count)
                    guard run.chunk.holds(wanted, at: run.range.lowerBound) else { return false }
                    place += run.range.count
                }
                return place == min(bytes.count, start + count)
            }
        }

        func answer(_ start: Int, _ count: Int) async -> Answer? {
            await withCheckedContinuation { continuation in
                file.read(from: UInt64(start), count: count) { end in
                    if case .bytes(let answer) = end { return continuation.resume(returning: answer) }
                    continuation.resume(returning: nil)
                }
            }
        }

        /// The pieces that are in memory now.
        func held() -> [PieceReader.Piece] {
            layers.flatMap { layer in
                (0..<LayerReader.pieces(of: layer)).map { PieceReader.Piece(layer: layer, index: $0) }
            }.filter { files.cache.piece($0) != nil }
        }
    }

    final class Told: Sendable {
        private let all = Mutex<[OpenFiles.Unreadable]>([])
        var count: Int { all.withLock(\.count) }
        func note(_ one: OpenFiles.Unreadable) { all.withLock { $0.append(one) } }
    }

    /// Stored as it is: nothing is found in it. Two pieces and a half.
    static let raw = ModelMaker.Part("a.raw", bytes: 5 << 19, seed: 1)
    static let coded = ModelMaker.Part("b.coded", bytes: 5 << 19, seed: 2, .mixed)
    static let small = (0..<40).map { ModelMaker.Part("c.\($0)", bytes: 2000, seed: UInt64($0 + 3)) }
    static let all = [raw, coded] + small

    @Test func `gives every range as it was`() async throws {
        try await onPool {
            let opened = try await Opened(Self.all)
            var numbers = SeededNumbers(seed: 5)
            for _ in 0..<200 {
                let start = Int.random(in: 0..<opened.bytes.count, using: &numbers)
                let count = try #require([1, 4096, 131_072, Self.megabyte, 3 << 20].randomElement(using: &numbers))
                #expect(await opened.isRight(start, count) == true, "\(start), \(count)")
            }
        }
    }

    @Test func `is right for 64 readers in little memory, which is not exceeded`() async throws {
        try await onPool {
            let opened = try await Opened(
                (0..<12).map {
                    ModelMaker.Part("\($0)", bytes: 5 << 19, seed: UInt64($0), $0 % 2 == 0 ? .random : .mixed)
                },
                cache: 16 << 20)
            await withTaskGroup(of: Bool.self) { readers in
                for reader in 0..<64 {
                    readers.addTask {
                        var isRight = true
                        for number in 0..<8 {
                            let start = (reader * 5 + number) % 28 * Self.megabyte
                            isRight = await opened.isRight(start, Self.megabyte) == true && isRight
                        }
                        return isRight
                    }
                }
                for await isRight in readers { #expect(isRight) }
            }
            #expect(opened.held().count <= 8)
        }
    }

    @Test func `leaves no piece behind that is stored as it is, and keeps coded ones`() async throws {
        try await onPool {
            let opened = try await Opened([Self.raw, Self.coded])
            for start in stride(from: 0, to: opened.bytes.count, by: Self.megabyte) {
                _ = await opened.answer(start, Self.megabyte)
            }
            #expect(opened.held().filter { $0.layer == opened.layers[1] }.isEmpty)
            #expect(opened.held().filter { $0.layer == opened.layers[2] }.count == 3)
        }
    }

    @Test func `lends long runs of pieces, and copies short ones into one`() async throws {
        try await onPool {
            let opened = try await Opened(Self.all)
            let header = opened.bytes.count - Self.all.reduce(0) { $0 + $1.bytes.count }
            let first = try #require(await opened.answer(0, Self.megabyte))
            #expect(first.runs.map(\.range.count) == [header, Self.megabyte - header])
            #expect(first.runs.last?.range.lowerBound == 0)
            let last = try #require(await opened.answer(opened.bytes.count - 80_000, 80_000))
            #expect(last.runs.map(\.range.count) == [80_000])
        }
    }

    @Test func `fails where a stored block is damaged, nowhere else, and is told once`() async throws {
        try await onPool {
            let opened = try await Opened([Self.raw, Self.coded])
            let object = opened.bench.shelf.store.layout.object(opened.layers[1].digest)
            let header = Int(opened.layers[0].size)
            try Bend.flip(object, at: Self.megabyte + 700_000)
            for start in stride(from: 0, to: opened.bytes.count, by: 65_536) {
                let range = start..<min(opened.bytes.count, start + 65_536)
                let isBad = range.overlaps(header + Self.megabyte..<header + 2 * Self.megabyte)
                #expect(await opened.isRight(start, 65_536) == (isBad ? nil : true), "\(start)")
            }
            #expect(opened.told.count == 1)
            try Bend.flip(object, at: Self.megabyte + 700_000)
            #expect(await opened.isRight(0, opened.bytes.count) == true)
        }
    }
}
