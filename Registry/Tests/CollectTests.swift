import Foundation
import Model
import Platform
import Storage
import Store
import Support
import Testing

@Suite struct `Collecting in a registry` {
    private let stage: Stage
    private let registry: RegistryStore
    private let config = Array("{}".utf8)

    init() throws {
        stage = try Stage()
        registry = try RegistryStore(stage.store)
        try stage.push(config)
    }

    private func collect(_ grace: Duration = .zero) throws -> CollectedBlobs {
        try registry.collect(grace: grace, isDryRun: false)
    }

    private func has(_ name: BlobName) throws -> Bool { try stage.ask("HEAD", "/v2/a/b/blobs/\(name)").status == 200 }

    @Test func `takes what no manifest names, once the grace is over`() throws {
        let layer = try stage.push([1, 2, 3])
        let loose = try stage.push([4, 5])
        try stage.put(image(config: config, layers: [[1, 2, 3]]), as: "v1")
        #expect(try collect(.seconds(3600)).blobs == 0)
        // A block of the disk.
        #expect(try registry.collect(grace: .zero, isDryRun: true).bytes == 4096)
        #expect(try has(loose))
        let collected = try collect()
        #expect(collected.blobs == 1 && collected.bytes == 4096)
        #expect(try has(layer) && has(sha256(config)) && !has(loose))
        try stage.ask("DELETE", "/v2/a/b/manifests/\(sha256(Array(image(config: config, layers: [[1, 2, 3]]).utf8)))")
        #expect(try collect().blobs == 2)
        #expect(stage.files(in: "blobs").filter { $0.contains("/") }.isEmpty && stage.files(in: "repositories").isEmpty)
    }

    @Test func `leaves what a manifest names though its repository was told to forget it, or another has it`() throws {
        let layer = try stage.push([1, 2, 3])
        let text = image(config: config, layers: [[1, 2, 3]])
        try stage.put(text, as: "v1")
        try stage.ask("DELETE", "/v2/a/b/blobs/\(layer)")
        #expect(try collect().blobs == 0)
        // Pushed again it is found again, and the manifest never named a missing blob.
        #expect(stage.files(in: "blobs").contains { $0.hasSuffix(layer.hex) })
        for bytes in [config, [1, 2, 3]] { try stage.push(bytes, to: "other") }
        try stage.put(text, as: "v1", in: "other")
        try stage.ask("DELETE", "/v2/a/b/manifests/\(sha256(Array(text.utf8)))")
        #expect(try collect().blobs == 0)
        #expect(try stage.ask("GET", "/v2/other/blobs/\(layer)").body == [1, 2, 3])
    }

    @Test func `leaves an upload that somebody is at, and takes what was given up`() throws {
        let place = try stage.begin()
        let writing = try stage.client()
        try writing.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
        try writing.send([1, 2])
        let name = place.split(separator: "/").last.map(String.init) ?? ""
        let data = stage.scratch["store/registry/uploads/\(name)/data"]
        while try Disk.status(data)?.size != 2 { usleep(1000) }
        #expect(try collect().uploads == 0)
        try writing.send([3, 4])
        #expect(try writing.read().status == 202)
        #expect(try collect(.seconds(3600)).uploads == 0)
        // A disk may say at its leisure how much room bytes take that are not synced.
        try File(data, .readWrite).sync()
        let collected = try collect()
        #expect(collected.uploads == 1 && collected.bytes == 4096)
        let reply = try stage.ask("PATCH", place, [], [5])
        #expect(reply.status == 404 && reply.code == "BLOB_UPLOAD_UNKNOWN")
    }

    @Test func `keeps a blob named by its SHA-512, and forgets the name with the blob`() throws {
        let bytes: [UInt8] = [7, 8, 9]
        let name = try sha512(bytes)
        try stage.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], bytes)
        let text = #"{"schemaVersion":2,"config":\#(descriptor(bytes, name))}"#
        #expect(try stage.put(text, as: "long").status == 201)
        #expect(try collect().blobs == 1)
        #expect(try has(name) && stage.files(in: "sha512") == [name.hex])
        try stage.ask("DELETE", "/v2/a/b/manifests/\(sha256(Array(text.utf8)))")
        #expect(try collect().blobs == 1)
        #expect(stage.files(in: "sha512").isEmpty)
    }

    @Test func `stops at a manifest that cannot be read`() throws {
        try stage.put(image(config: config), as: "v1")
        let name = sha256(Array(image(config: config).utf8))
        let path = stage.scratch["store/registry/repositories/a+b/manifests/\(name.fileName)"]
        try Data("rot".utf8).write(to: URL(filePath: path))
        let error = #expect(throws: CakeError.self) { _ = try collect() }
        #expect(error?.kind == .damaged)
        #expect(try has(sha256(config)))
        let reply = try stage.ask("GET", "/v2/a/b/manifests/v1")
        #expect(reply.status == 404 && reply.code == "MANIFEST_UNKNOWN")
        // Set aside, it stops nothing; its blobs are kept as if they had just been pushed.
        #expect(try collect(.seconds(3600)).blobs == 0)
        #expect(try has(sha256(config)))
    }

    @Test func `finds every push whole or absent, whichever call fails`() throws {
        let bytes: [UInt8] = [1, 2, 3]
        let repository = try #require(RepositoryName("a/b"))
        for nth in 1..<200 {
            let plan = FaultPlan(failing: nth)
            let name = sha256(bytes)
            let scratch = try Scratch()
            let registry = try RegistryStore(LocalStore(at: scratch["store"], pool: Stage.pool))
            var isPushed = false
            FaultPlan.$current.withValue(plan) {
                do {
                    let upload = try registry.beginUpload(to: repository)
                    guard try upload.take() != nil else { return }
                    try upload.append(bytes.span)
                    isPushed = try registry.finish(upload, as: name, in: repository)
                } catch {}
            }
            let blob = try registry.blob(name, in: repository)
            #expect(!isPushed || blob != nil, "call \(nth)")
            if let blob, case .file(let file, let range) = try blob.bytes(0..<blob.size) {
                #expect(range == 0..<3)
                #expect(try file.bytes(at: 0, count: 3) == bytes)
            }
            guard plan.hasFired else {
                #expect(isPushed && nth > 10)
                return
            }
        }
        Issue.record("there is no end to the calls")
    }
}
