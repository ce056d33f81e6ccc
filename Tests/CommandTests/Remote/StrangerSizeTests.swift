import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

/// The real program against servers and clients that claim impossible sizes. It may refuse; it must not end by a signal
/// or take much memory.
@Suite struct `Sizes that no file has` {
    /// In kilobytes; a debug build takes some 40,000 to begin with.
    private static let mostMemory = 300_000
    /// The statuses of an expected error: damaged, no room, not found.
    private static let refusals: Set<Int32> = [10, 11, 14]

    /// With no more memory than that, so that what takes more fails at once.
    private func cake(_ home: Home, _ words: [String], endpoint: String = "") throws -> Tool {
        let script = "ulimit -d \(Self.mostMemory); exec \"$0\" \"$@\""
        return try Tool.run(
            "sh", ["-c", script, Tool.cake.path] + words,
            variables: ["HOME": home.folder.path, "HF_ENDPOINT": endpoint])
    }

    /// The most that a program had, in kilobytes.
    private func memory(of child: Child) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(child.id)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    private func expectWell(_ served: Served, _ what: String) throws {
        #expect(served.child.isRunning, "\(what): the server ended")
        guard served.child.isRunning else { return }
        #expect([200, 401].contains(try served.ask("GET", "/v2/").status), "\(what)")
        #expect(try memory(of: served.child) < Self.mostMemory, "\(what)")
    }

    @Test func `do not end the server that they were pushed to`() throws {
        let home = try Home()
        let served = try Served(home, "--push")
        let pack = seededBytes(100, seed: 1)
        let digest = SHA256.digest(of: pack.span)
        for (number, size) in ([.max, 1 << 63, ByteCount.maximum + 1, ByteCount.maximum, 5] as [UInt64]).enumerated() {
            let model = RawModel(file: size, member: 100, pack: (digest, 100))
            let name = "evil/n\(number)"
            for blob in model.blobs + [pack] {
                let address = "/v2/\(name)/blobs/uploads/?digest=\(BlobName(SHA256.digest(of: blob.span)))"
                #expect(try served.ask("POST", address, [], blob).status == 201)
            }
            let type = [("Content-Type", RegistryManifest.image)]
            // It may be refused here already.
            let put = try served.ask("PUT", "/v2/\(name)/manifests/latest", type, model.artifact)
            #expect([201, 400].contains(put.status), "\(put.text)")
            for address in [
                "/\(name)/resolve/main/x.bin", "/api/models/\(name)", "/api/models/\(name)/tree/main", "/api/models",
                "/v2/\(name)/manifests/latest",
            ] {
                for range in [[], [("Range", "bytes=9223372036854775807-")], [("Range", "bytes=0-9")]] {
                    let reply = try? served.ask("GET", address, range)
                    // What might exist is only found to be none when its pack is read: the answer is cut then.
                    guard size > ByteCount.maximum else { continue }
                    #expect(reply != nil, "\(address) of \(size) bytes: no answer")
                    if address.hasSuffix("x.bin") { #expect(reply.map { $0.status >= 400 } == true) }
                }
            }
            try expectWell(served, "\(size) bytes")
        }
    }

    @Test(arguments: RawModel.hostile.indices) func `do not end who looks at them in a registry`(number: Int) throws {
        let (what, model) = RawModel.hostile[number]
        let home = try Home()
        let registry = try StrangeRegistry(model)
        let name = "\(registry.host)/m:v1"
        for words in [["inspect", name], ["pull", name, "--dry-run"], ["pull", name], ["ls-remote", name]] {
            let said = try cake(home, words)
            #expect(said.status == 11 || words[0] == "ls-remote", "\(what), \(words): \(said.status) \(said.errors)")
            #expect(said.errors.utf8.count < 1000, "\(what), \(words): \(said.errors)")
        }
        let served = try Served(home, "--upstream", "oci://\(registry.host)")
        for address in ["/m/resolve/main/x.bin", "/api/models/m", "/m/resolve/v1/config.json"] {
            #expect(try served.ask("GET", address).status >= 400, "\(what)")
        }
        try expectWell(served, what)
    }

    @Test func `are too large for the disk where they might exist`() throws {
        let home = try Home()
        let size = ByteCount.maximum
        let registry = try StrangeRegistry(RawModel(file: size, member: size, pack: (RawModel.digest(8), size)))
        let name = "\(registry.host)/m:v1"
        #expect(try cake(home, ["inspect", name]).status == 0)
        #expect(try cake(home, ["pull", name, "--dry-run"]).status == 0)
        let pulled = try cake(home, ["pull", name])
        #expect(Self.refusals.contains(pulled.status), "\(pulled.status) \(pulled.errors)")
        let served = try Served(home, "--upstream", "oci://\(registry.host)")
        let client = try Client(port: served.port)
        try client.send("GET /m/resolve/main/x.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect((try? client.read().status).map { $0 >= 400 } ?? true)
        try expectWell(served, "2^48 bytes")
    }

    static let trees: [(what: String, files: [(path: String, size: UInt64)], isRefused: Bool)] = [
        ("2^63-1", [("x.bin", 1 << 63 - 1)], true), ("2^64-1", [("x.bin", .max)], true),
        ("2^48+1", [("x.safetensors", ByteCount.maximum + 1)], true), ("2^48", [("x.bin", ByteCount.maximum)], false),
        ("2^48 of safetensors", [("x.safetensors", ByteCount.maximum)], false),
        ("a thousand of 2^46", (0..<1000).map { ("x\($0).bin", 1 << 46) }, false),
        ("too many of 2^48", (0..<300).map { ("x\($0).bin", ByteCount.maximum) }, true),
    ]

    @Test(arguments: trees.indices) func `do not take the memory of who looks at them in a Hub`(number: Int) throws {
        let (what, files, isRefused) = Self.trees[number]
        let home = try Home()
        let hub = try StrangeHub(files)
        for words in [
            ["inspect", "hf://org/m"], ["pull", "org/m", "--all", "--dry-run"], ["pull", "org/m", "--all"],
        ] {
            let said = try cake(home, words, endpoint: hub.endpoint)
            let isPull = words.last == "--all"
            let expected: Set<Int32> = isRefused ? [11] : isPull ? [14] : [0]
            #expect(expected.contains(said.status), "\(what), \(words): \(said.status) \(said.errors)")
            #expect(said.errors.utf8.count < 1000, "\(what), \(words): \(said.errors)")
        }
        let served = try Served(home, "--upstream", hub.endpoint)
        let reply = try served.ask("GET", "/org/m/resolve/main/\(files[0].path)", [("Range", "bytes=0-99")])
        #expect(reply.status >= 500, "\(what): \(reply.status)")
        #expect(reply["x-error-message"]?.isEmpty == false, "\(what)")
        try expectWell(served, what)
    }

    @Test func `pass in a stream without being counted out first`() throws {
        let home = try Home()
        let hub = try StrangeHub([("x.bin", ByteCount.maximum)])
        try Data().write(to: home.path("out"))
        let child = try Child(
            Tool.cake, ["stream", "org/m", "x.bin"],
            variables: ["HOME": home.folder.path, "HF_ENDPOINT": hub.endpoint], output: .file(home.path("out")))
        defer { child.kill() }
        let out = home.path("out").path
        while !child.ends(within: 0.01), try FileManager.default.attributesOfItem(atPath: out)[.size] as? Int == 0 {}
        #expect(child.isRunning)
        #expect(try memory(of: child) < Self.mostMemory)
    }

    @Test func `do not stop a look at objects that no longer say which layers they are`() throws {
        let home = try Home()
        let parts = (0..<4).map { ModelMaker.Part("t\($0)", bytes: 4 << 20, seed: UInt64($0)) }
        try ModelMaker.write(["model.safetensors": try ModelMaker.safetensors(parts)], to: home.path("m").path)
        #expect(try home.cake("import", home.path("m").path, "m").status == 0)
        #expect(try home.cake("rm", "m").status == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: home.path(".local/share/cake/manifests").path) {
            try Bend.remove(home.store.path + "/manifests/" + name)
        }
        let objects = try FileManager.default.subpathsOfDirectory(atPath: home.store.path + "/objects").filter {
            $0.contains("/")
        }
        #expect(objects.count == 4)
        for object in objects { try Bend.flip(home.store.path + "/objects/" + object, at: 0) }
        let said = try home.cake("verify")
        #expect(said.status == 11 && said.errors.contains("4 of"), "\(said.status) \(said.errors)")
    }
}
