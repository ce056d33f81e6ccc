import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// One download for all servers of a storage.
@Suite struct `A file that two servers are asked for at once` {
    private static let file = "weights.bin"
    private static let address = MirrorStage.address(file)
    private static let size = 3 << 20
    private static let get = "GET \(address) HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private static func bucket() throws -> SharedBucket {
        try SharedBucket([file: seededBytes(size, seed: 4), "config.json": Array("{}".utf8)])
    }

    @Test func `is asked for once upstream, and read by both while it comes`() async throws {
        try await MirrorStage.asClient {
            let bucket = try Self.bucket()
            let wanted = try #require(bucket.line.files[Self.file])
            let (one, other) = (try bucket.serve(), try bucket.serve())
            bucket.line.hub.misbehave(.stall(afterBytes: 2 << 20), when: .cdn())
            let clients = [try one.client(), try other.client()]
            try clients[0].send(Self.get)
            _ = try clients[0].readBody(upTo: 1000)
            try clients[1].send(Self.get)
            #expect(try clients[1].readBody(upTo: 1 << 20) == Array(wanted[..<(1 << 20)]))
            bucket.line.hub.release()
            #expect(try clients[0].readBody(upTo: Self.size - 1000) == Array(wanted[1000...]))
            #expect(try clients[1].readBody(upTo: 2 << 20) == Array(wanted[(1 << 20)...]))
            for stage in [one, other] { await stage.server.settle() }
            #expect(bucket.sent == UInt64(Self.size))
            #expect(try other.metric("mirror_relayed_bytes_total") == UInt64(Self.size))
            #expect(try other.metric("mirror_fetched_bytes_total") == 0)
            #expect(try one.metric("mirror_relayed_bytes_total") == 0)
            for stage in [one, other] { #expect(try stage.store.names().isEmpty) }
            for folder in ["leases", "waiting", "parts"] {
                #expect(bucket.keys(in: "brought/\(folder)").isEmpty, "\(folder)")
            }
        }
    }

    @Test func `comes to the other from the next byte on when the one was killed`() async throws {
        try await MirrorStage.asClient {
            let bucket = try Self.bucket()
            let wanted = try #require(bucket.line.files[Self.file])
            let name = try await bucket.lease(of: Self.file)
            // It put two parts there before its end.
            let dead = try bucket.registry()
            let lease = try #require(try dead.takeLease(name))
            let path = try FilePath(Self.file)
            for start in stride(from: 0, to: 2 << 20, by: 1 << 20) {
                try dead.relay(Array(wanted[start..<start + (1 << 20)]), of: path, at: UInt64(start), as: lease)
            }
            let stage = try bucket.serve()
            let client = try stage.client()
            try client.send(Self.get)
            #expect(try client.readBody(upTo: 2 << 20) == Array(wanted[..<(2 << 20)]))
            #expect(bucket.asked == 0)
            bucket.stand.age(try bucket.key("brought/leases/\(name)"), seconds: 60)
            #expect(try client.readBody(upTo: 1 << 20) == Array(wanted[(2 << 20)...]))
            await stage.server.settle()
            #expect(bucket.sent == 1 << 20)
            #expect(try bucket.serve { $0.mirror?.isOffline = true }.ask("GET", Self.address).body == wanted)
            #expect(bucket.keys(in: "brought/leases").isEmpty && bucket.keys(in: "brought/parts").isEmpty)
        }
    }

    @Test func `is not asked for upstream while a server that lives downloads it`() async throws {
        try await MirrorStage.asClient {
            let bucket = try Self.bucket()
            let name = try await bucket.lease(of: Self.file)
            let other = try bucket.registry()
            let lease = try #require(try other.takeLease(name))
            #expect(try other.takeLease(name) == nil)
            let stage = try bucket.serve()
            let client = try stage.client()
            try client.send(Self.get)
            try until { try other.isAwaited(lease) }
            for _ in 0..<10 { #expect(try other.renewIfReached(lease) == true) }
            #expect(bucket.asked == 0)
            bucket.stand.age(try bucket.key("brought/leases/\(name)"), seconds: 10)
            #expect(try other.renewIfReached(lease) == true)
            other.release(lease)
            #expect(try client.readBody(upTo: Self.size).count == Self.size)
            #expect(bucket.sent == UInt64(Self.size))
            #expect(try other.renewIfReached(lease) == false)
        }
    }

    @Test func `comes from the upstream when the other server's bytes were wrong`() async throws {
        try await MirrorStage.asClient {
            let bucket = try Self.bucket()
            let name = try await bucket.lease(of: "config.json")
            let liar = try bucket.registry()
            let lease = try #require(try liar.takeLease(name))
            try liar.relay([0, 0], of: try FilePath("config.json"), at: 0, as: lease)
            let stage = try bucket.serve()
            #expect(try stage.ask("GET", MirrorStage.address("config.json")).text == "{}")
            #expect(try stage.metric("mirror_relayed_bytes_total") >= 2)
            #expect(bucket.asked > 0)
            liar.release(lease)
            await stage.server.settle()
            #expect(
                try bucket.serve { $0.mirror?.isOffline = true }
                    .ask("GET", MirrorStage.address("config.json")).text == "{}")
        }
    }

    @Test func `leaves nothing that is a day old`() async throws {
        try await MirrorStage.asClient {
            let bucket = try Self.bucket()
            let dead = try bucket.registry()
            for name in ["old", "young"] {
                let lease = try #require(try dead.takeLease(name))
                try dead.relay([1], of: try FilePath("a"), at: 0, as: lease)
                #expect(try dead.takeLease(name) == nil)
            }
            for key in bucket.stand.keys where key.contains("/old") { bucket.stand.age(key, seconds: 100_000) }
            let stage = try bucket.serve()
            try until {
                _ = try stage.ask("GET", "/healthz")
                return bucket.keys(in: "brought/leases") == ["young"]
            }
            until { bucket.keys(in: "brought").count == 3 }
        }
    }
}
