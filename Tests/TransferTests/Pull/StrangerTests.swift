import Model
import Network
import Platform
import Remote
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `A stranger who names sizes` {
    private func client() throws -> HTTPClient { try HTTPClient(HTTPSettings(userAgent: "cake-tests")) }

    @Test(
        arguments: [[("x.bin", 1 << 48)], (0..<500).map { ("x\($0).bin", 1 << 46) }] as [[(path: String, size: UInt64)]]
    )
    func `of files is told that the disk has no room for them`(files: [(path: String, size: UInt64)]) async throws {
        let hub = try StrangeHub(files)
        let source = HubSource(try HubRoutes(endpoint: hub.endpoint), token: nil, client: try client())
        let store = try Shelf(at: Scratch().path).store
        let error = await #expect(throws: CakeError.self) {
            try await onPool {
                let snapshot = try await source.snapshot(of: HubReference(HubRepository("org/m")))
                let pull = Pull(from: source, into: store, progress: Progress("pull"), options: Pull.Options())
                _ = try await pull(snapshot, snapshot.files, as: ModelName("org/m")) { _ in }
            }
        }
        #expect(error?.kind == .diskFull)
    }

    @Test(arguments: [1 << 40, 1 << 40 + 1, 3 << 45 + 5, ByteCount.maximum] as [UInt64])
    func `of a file gets a bounded number of cuts`(size: UInt64) {
        for most in [1, 3, 1000, Segmentation.mostCuts] {
            let cuts = Segmentation.even(size, most: most)
            #expect(cuts.count <= most && cuts.count > most / 3)
            #expect(cuts.reduce(0) { $0 + $1.count } == size && cuts.allSatisfy { $0.count > 0 })
        }
        #expect(Segmentation.even(1 << 40).map(\.count) == [UInt64](repeating: 16 << 20, count: 1 << 16))
        #expect(
            Segmentation.mostCuts(eachOf: 5_000_000) == 1 && Segmentation.mostCuts(eachOf: 0) == Segmentation.mostCuts)
    }

    @Test func `of many files gets them brought a few at a time`() throws {
        func files(_ count: Int, _ size: UInt64) throws -> [WantedFile] {
            try (0..<count).map {
                WantedFile(listed: SnapshotFile(path: try FilePath("f\($0)"), size: size), mayCopy: false)
            }
        }
        #expect(try files(450, 5).batches(of: 200).map(\.count) == [200, 200, 50])
        #expect(try files(5, 3 << 40).batches(of: 200).map(\.count) == [1, 1, 1, 1, 1])
        #expect(try files(5, 2 << 40).batches(of: 200).map(\.count) == [2, 2, 1])
        #expect(try files(0, 5).batches(of: 200).isEmpty)
    }
}
