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

/// What one server brought into a storage, all have.
@Suite struct `Mirrors over one storage` {
    @Test func `bring a model once for all of them`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket()
            let (one, other) = (try bucket.serve(), try bucket.serve())
            for (path, bytes) in bucket.line.files {
                let reply = try one.ask("GET", MirrorStage.address(path))
                #expect(reply.status == 200 && reply.body == bytes, "\(path) \(reply.status) \(reply.text.prefix(100))")
            }
            await one.server.settle()
            #expect(try one.store.names().isEmpty, "the work store keeps what is in the storage")
            let sent = bucket.line.hub.requests.count { $0.path.contains("/resolve") }
            for stage in [one, other] {
                for (path, bytes) in bucket.line.files {
                    let reply = try stage.ask("GET", MirrorStage.address(path))
                    #expect(reply.body == bytes, "\(path) \(reply.status) \(reply.text.prefix(100))")
                }
            }
            #expect(bucket.line.hub.requests.count { $0.path.contains("/resolve") } == sent)
            #expect(bucket.keys(in: "brought/names").count == 1)
            #expect(bucket.keys(in: "repositories").isEmpty)
            #expect(bucket.keys(in: "brought/leases").isEmpty)
        }
    }
}
