import Foundation
import Hub
import Model
import Network
import Platform
import Server
import Store
import Support
import Testing
import Transfer

/// Models that are not here yet, for clients of the Hub.
@Suite struct `A model that another Hub has` {
    @Test func `comes file by file as it is there, and the second time from the store`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage()
            let stage = try line.serve()
            for (path, bytes) in line.files {
                let reply = try stage.ask("GET", MirrorStage.address(path))
                #expect(reply.status == 200 && reply.body == bytes, "\(path) \(reply.status) \(reply.text.prefix(100))")
            }
            await stage.server.settle()
            let sent = line.hub.requests.count { $0.path.contains("/resolve") }
            for (path, bytes) in line.files {
                #expect(try stage.ask("GET", MirrorStage.address(path)).body == bytes, "\(path)")
            }
            #expect(line.hub.requests.count { $0.path.contains("/resolve") } == sent)
            let record = try stage.store.find(MirrorStage.name).record
            #expect(record.mark == .mirrored && record.source == "hf://org/model")
            // An empty file is sent without a request upstream.
            #expect(try stage.store.manifest(record.manifest).files.count == line.files.count - 1)
        }
    }

    @Test func `comes beside another model of its name, which stays`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage()
            let stage = try line.serve()
            let other = try ModelMaker.write(["config.json": Array("[1]".utf8)], to: stage.scratch["other"])
            let name = try ModelName(MirrorStage.name)
            try await Shelf(at: stage.scratch["store"]).bring(other, as: MirrorStage.name)
            try stage.store.update(name, in: Operation(stage.store)) { record in
                var record = record
                record?.source = "hf://org/other"
                return record
            }
            let before = try stage.store.find(MirrorStage.name).record
            for round in 1...2 {
                for (path, bytes) in line.files {
                    let reply = try stage.ask("GET", MirrorStage.address(path))
                    #expect(
                        reply.status == 200 && reply.body == bytes,
                        "\(path) \(round) \(reply.status) \(reply.text.prefix(100))")
                }
                await stage.server.settle()
            }
            #expect(try stage.store.find(MirrorStage.name).record == before)
            let commit = try #require(try stage.ask("GET", "/api/models/org/model").json?["sha"]?.string)
            let brought = try #require(try stage.store.record(of: ModelName("\(MirrorStage.name)@\(commit)")))
            #expect(brought.mark == .mirrored && brought.commit == commit)
        }
    }

    @Test func `is told of as its Hub tells of it`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage()
            try line.folder.write(MirrorStage.name, line.files, revision: "v2")
            let stage = try line.serve()
            let hub = try Client(port: line.hub.port(.hub))
            for address in [
                "/api/models/org/model/tree/main?recursive=true", "/api/models/org/model/refs",
                "/api/models/org/model/commits/main",
            ] {
                let (mirrored, original) = (try stage.ask("GET", address), try hub.ask("GET", address))
                #expect(mirrored.status == 200, "\(address)")
                #expect(sorted(files(mirrored.json)) == sorted(files(original.json)), "\(address)")
            }
            let mirrored = try stage.ask("GET", "/api/models/org/model?blobs=true").json
            let original = try hub.ask("GET", "/api/models/org/model?blobs=true").json
            for key in ["id", "sha", "private", "gated", "lastModified", "tags"] {
                #expect(mirrored?[key] == original?[key], "\(key)")
            }
            #expect(sorted(mirrored?["siblings"]) == sorted(original?["siblings"]))
            #expect(try stage.store.names().isEmpty, "files were brought for nothing")
        }
    }

    /// Git's name of a folder is not known here.
    private func files(_ value: JSONValue?) -> JSONValue? {
        guard let list = value?.array else { return value }
        return .array(list.filter { $0["type"]?.string != "directory" })
    }

    /// With lists and members in any order.
    private func sorted(_ value: JSONValue?) -> String {
        switch value {
        case .array(let list): "[" + list.map(sorted).sorted().joined(separator: ",") + "]"
        case .object(let object):
            "{" + object.members.map { $0.key + ":" + sorted($0.value) }.sorted().joined(separator: ",") + "}"
        default: value?.text(.compact) ?? "nothing"
        }
    }

    @Test func `is brought once for all who ask for it at the same time`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage(MirrorStage.large())
            let stage = try line.serve()
            let port = stage.server.address.port
            let wanted = try #require(line.files[MirrorStage.weights])
            // No client is served before all have asked.
            line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn().skipping(1).times(1))
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<32 {
                    group.addTask(executorPreference: MirrorStage.clients) {
                        try Client(port: port).ask("GET", MirrorStage.address(MirrorStage.weights)).body == wanted
                    }
                }
                group.addTask {
                    await line.hub.wait { requests in requests.contains { $0.place == .cdn && $0.sent >= 1 << 20 } }
                    line.hub.release()
                    return true
                }
                for try await isSame in group { #expect(isSame) }
            }
            #expect(line.sent == UInt64(wanted.count))
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `is sent while it comes, but for its end`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage(["weights.bin": seededBytes(3 << 20, seed: 4)], on: engine)
            let stage = try line.serve()
            let wanted = try #require(line.files["weights.bin"])
            // The last bytes stay with the hub.
            line.hub.misbehave(.stall(afterBytes: (3 << 20) - 100), when: .cdn())
            let client = try stage.client()
            try client.send("GET \(MirrorStage.address("weights.bin")) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let begun = try client.readBody(upTo: (3 << 20) - (64 << 10))
            #expect(begun == Array(wanted.prefix(begun.count)))
            let piece = try stage.ask(
                "GET", MirrorStage.address("weights.bin"), [("Range", "bytes=\((3 << 20) - 200)-\((3 << 20) - 101)")])
            #expect(piece.status == 206 && piece.body == Array(wanted[((3 << 20) - 200)..<((3 << 20) - 100)]))
            line.hub.release()
            #expect(try client.readBody(upTo: 64 << 10) == Array(wanted.suffix(64 << 10)))
            let metrics = try stage.ask("GET", "/metrics").text
            #expect(metrics.contains("cake_mirror_unchecked_bytes_total"))
        }
    }

    @Test func `is open once for all who read it while it comes`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage(["weights.bin": seededBytes(15 << 20, seed: 4)])
            let stage = try line.serve()
            line.hub.misbehave(.stall(afterBytes: 14 << 20), when: .cdn())
            // With small buffers of their own they leave the downloaded bytes in place.
            let slow = try (0..<16).map { _ in try Client(port: stage.server.address.port, buffer: 4096) }
            for client in slow {
                try client.send("GET \(MirrorStage.address("weights.bin")) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = try client.readBody(upTo: 100_000)
            }
            let folder = "/proc/self/fd"
            let open = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)
            }
            let parts = open.filter { $0.hasPrefix(line.scratch["store/incoming"]) && !$0.hasSuffix("/lock") }
            // One to write, one for all clients, and one to make layers of the bytes.
            #expect(!parts.isEmpty && parts.count <= 3 * Set(parts).count, "\(parts.count) of \(Set(parts).count)")
            line.hub.release()
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `comes in few steps when it has many small files`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            var files: ModelMaker.Files = [:]
            for number in 0..<100 { files["part-\(number).json"] = Array("\(number)".utf8) }
            let line = try MirrorStage(files, on: engine)
            let stage = try line.serve()
            for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
                #expect(try stage.ask("GET", MirrorStage.address(path)).body == bytes, "\(path)")
            }
            await stage.server.settle()
            let metrics = try stage.ask("GET", "/metrics").text
            #expect(metrics.contains("cake_mirror_transfers_total 7\n"))
            #expect(line.hub.requests.count { $0.path.contains("/resolve/") && $0.method == "HEAD" } == 100)
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `comes all the same when a file that no client asked for is gone`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage(
                ["a.json": [1], "b.json": [2], "c.json": [3], "d.json": [4]], on: engine)
            line.hub.misbehave(.answer(404), when: .path(endingIn: "c.json"))
            let stage = try line.serve()
            for (path, bytes) in [("a.json", [1]), ("b.json", [2]), ("d.json", [4])] as [(String, [UInt8])] {
                #expect(try stage.ask("GET", MirrorStage.address(path)).body == bytes)
            }
            #expect(try stage.ask("GET", MirrorStage.address("c.json")).status == 404)
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `goes on coming when no client waits for it any more`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage(["weights.bin": seededBytes(3 << 20, seed: 4)], on: engine)
            let stage = try line.serve()
            line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn())
            do {
                let client = try stage.client()
                try client.send("GET \(MirrorStage.address("weights.bin")) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = try client.readBody(upTo: 100)
            }
            await line.hub.wait { requests in requests.contains { $0.isStalled } }
            line.hub.release()
            await line.hub.wait { requests in requests.contains { $0.place == .cdn && $0.isDone } }
            let reply = try stage.ask("GET", MirrorStage.address("weights.bin"))
            #expect(reply.body == line.files["weights.bin"] && line.sent == 3 << 20)
        }
    }
}
