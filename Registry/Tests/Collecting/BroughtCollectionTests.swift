import Foundation
import Mirror
import Model
import Server
import Storage
import Support
import Testing

/// A collection beside what mirrors brought.
@Suite struct `A collection of a mirror's storage` {
    private static let long = Duration.seconds(10 * 24 * 3600)

    private func collect(_ bucket: SharedBucket) async throws -> CollectedBlobs {
        let (stand, storage) = (bucket.stand, bucket.storage)
        let time = MadeTime { stand.pass(seconds: $0) }
        return try await onPool {
            try await storage.collection(time.timing, .init(grace: .seconds(24 * 3600), evenIfNothingIsNamed: true))()
        }
    }

    private func isWhole(_ bucket: SharedBucket) throws {
        let late = try bucket.serve { $0.mirror?.isOffline = true }
        for (path, bytes) in bucket.line.files {
            let reply = try late.ask("GET", MirrorStage.address(path))
            #expect(reply.status == 200 && reply.body == bytes, "\(path) \(reply.status)")
        }
    }

    @Test func `leaves what records name, and takes what no record names any more`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket()
            let server = try bucket.serve()
            for path in bucket.line.files.keys.sorted() {
                #expect(try server.ask("GET", MirrorStage.address(path)).status == 200)
                // Each file makes a manifest of its own.
                await server.server.settle()
            }
            let manifests = bucket.keys(in: "brought/manifests").count
            bucket.stand.pass(seconds: Int(Self.long.components.seconds))
            #expect(try await collect(bucket).blobs == 0)
            #expect(bucket.keys(in: "brought/manifests").count == 1 && manifests > 1)
            try isWhole(bucket)
            // Indexes and manifests of the parts that the model had before.
            bucket.stand.pass(seconds: Int(Self.long.components.seconds))
            #expect(try await collect(bucket).blobs > 0)
            try isWhole(bucket)
            let name = try #require(bucket.keys(in: "brought/names").first)
            #expect(try await bucket.storage.delete("brought/names/\(name)"))
            for _ in 0..<2 {
                bucket.stand.pass(seconds: Int(Self.long.components.seconds))
                _ = try await collect(bucket)
            }
            #expect(bucket.keys(in: "blobs").isEmpty && bucket.keys(in: "brought/blobs").isEmpty)
        }
    }

    @Test func `stops at a record that cannot be read`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket()
            let server = try bucket.serve()
            #expect(try server.ask("GET", MirrorStage.address("config.json")).status == 200)
            await server.server.settle()
            let name = try #require(bucket.keys(in: "brought/names").first)
            try await bucket.storage.set(Array("rot".utf8), at: "brought/names/\(name)")
            bucket.stand.pass(seconds: Int(Self.long.components.seconds))
            let before = bucket.keys(in: "blobs")
            let error = await #expect(throws: CakeError.self) { _ = try await collect(bucket) }
            #expect(error?.kind == .damaged)
            #expect(bucket.keys(in: "blobs") == before)
        }
    }

    @Test func `takes leases, marks and parts that killed servers left, and none that are held`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket()
            let registry = try bucket.registry()
            let old = try #require(try registry.takeLease("old"))
            try registry.relay([1, 2, 3], of: try FilePath("a/b"), at: 0, as: old)
            #expect(try registry.takeLease("old", look: 3) == nil)
            bucket.stand.pass(seconds: Int(Self.long.components.seconds))
            let held = try #require(try registry.takeLease("held"))
            try registry.relay([1, 2, 3], of: try FilePath("a/b"), at: 0, as: held)
            _ = try await collect(bucket)
            #expect(bucket.keys(in: "brought/leases") == ["held"])
            #expect(bucket.keys(in: "brought/waiting").isEmpty)
            #expect(bucket.keys(in: "brought/parts").allSatisfy { $0.hasPrefix("held/") })
            #expect(!bucket.keys(in: "brought/parts").isEmpty)
        }
    }
}
