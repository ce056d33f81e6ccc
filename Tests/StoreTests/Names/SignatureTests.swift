import Foundation
import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

@Suite struct `Signatures in a store` {
    private static let (one, two) = (Digest(words: (0, 0, 0, 1)), Digest(words: (0, 0, 0, 2)))

    private func keep(_ text: String, of manifest: Digest, by key: Digest, in store: LocalStore) throws {
        let operation = try Operation(store)
        try operation.hold(manifest: manifest)
        try store.keep(Array(text.utf8), of: manifest, by: key, in: operation)
    }

    private func texts(of manifest: Digest, in store: LocalStore) throws -> [String] {
        try store.signatures(of: manifest).map { String(decoding: try store.bytes(of: $0), as: UTF8.self) }
    }

    @Test func `belong to a manifest and a key, and the same key replaces its own`() async throws {
        try await onPool {
            let bench = try Bench()
            let manifest = try await bench.bring(try ModelMaker.small(), as: "m")
            let store = bench.shelf.store
            try keep("a", of: manifest, by: Self.one, in: store)
            try keep("b", of: manifest, by: Self.two, in: store)
            try keep("c", of: manifest, by: Self.one, in: store)
            #expect(try texts(of: manifest, in: store).sorted() == ["b", "c"])
            #expect(try store.signatures(of: Self.one).isEmpty)
            #expect(try bench.shelf.entries("incoming").isEmpty)
            #expect(try Data(contentsOf: URL(filePath: bench.root + "/cake.store")) == Data("cake store 1\n".utf8))
        }
    }

    @Test func `stay with what they sign when the name moves, and are there when it moves back`() async throws {
        try await onPool {
            let bench = try Bench()
            let first = try await bench.bring(try ModelMaker.small(), as: "m")
            try keep("a", of: first, by: Self.one, in: bench.shelf.store)
            let second = try await bench.shelf.bring(bench.folder(try ModelMaker.small(seed: 5), "other"), as: "m")
            #expect(first != second)
            let named = try bench.shelf.store.find("m")
            #expect(try named.record.manifest == second && bench.shelf.store.signatures(of: second).isEmpty)
            #expect(
                try texts(of: bench.shelf.store.find("m@\(first.short)").record.manifest, in: bench.shelf.store) == [
                    "a"
                ])
        }
    }

    @Test func `go with their manifest when it is collected, counted before`() async throws {
        try await onPool {
            let bench = try Bench()
            let (kept, gone) = (
                try await bench.bring(try ModelMaker.small(), as: "kept"),
                try await bench.bring(try ModelMaker.small(seed: 9), as: "gone")
            )
            let store = bench.shelf.store
            let before = try bench.shelf.collect(isDryRun: true).bytes
            for manifest in [kept, gone] { try keep("a", of: manifest, by: Self.one, in: store) }
            try keep("b", of: gone, by: Self.two, in: store)
            try bench.shelf.remove("gone")
            // Files of one block each.
            let dry = try bench.shelf.collect(isDryRun: true).bytes
            let free = try bench.shelf.collect().bytes
            #expect(dry == free && free > before)
            #expect(try store.signatures(of: gone).isEmpty && store.signatures(of: kept).count == 1)
            #expect(try bench.shelf.entries("signatures").count == 1)
        }
    }

    @Test func `of a manifest that an older cake removed go with the next collection`() async throws {
        try await onPool {
            let bench = try Bench()
            let manifest = try await bench.bring(try ModelMaker.small(), as: "m")
            let stray = "\(bench.root)/signatures/\(Self.two.hex).\(Self.one.hex)"
            try Data("x".utf8).write(to: URL(filePath: stray))
            try Data("x".utf8).write(to: URL(filePath: bench.root + "/signatures/notes.txt"))
            try keep("a", of: manifest, by: Self.one, in: bench.shelf.store)
            try bench.shelf.collect()
            #expect(
                try bench.shelf.entries("signatures").sorted()
                    == ["\(manifest.hex).\(Self.one.hex)", "notes.txt"].sorted())
        }
    }

    @Test func `are read from a store below, and not collected with a name here`() async throws {
        try await onPool {
            let bench = try Bench()
            let manifest = try await bench.bring(try ModelMaker.small(), as: "m")
            try keep("a", of: manifest, by: Self.one, in: bench.shelf.store)
            let above = try Shelf(at: bench.scratch["above"], lower: [bench.root])
            #expect(try texts(of: manifest, in: above.store) == ["a"])
        }
    }

    @Test(arguments: Fault.allCases) func `are all or nothing, whichever call fails`(fault: Fault) async throws {
        try await onPool {
            try await countingFaults(fault) {
                let bench = try Bench()
                let manifest = try await bench.bring(try ModelMaker.small(), as: "m")
                try keep("old", of: manifest, by: Self.one, in: bench.shelf.store)
                return (bench, manifest)
            } work: { made in
                try keep("new", of: made.1, by: Self.one, in: made.0.shelf.store)
            } check: { made, _, nth in
                let found = try texts(of: made.1, in: made.0.other().store)
                #expect(found == ["old"] || found == ["new"], "call \(nth): \(found)")
            }
        }
    }
}

@Suite struct `Digests that came with a model` {
    @Test func `are hashed before it is signed, and are no claim afterwards`() async throws {
        try await onPool {
            let (bench, key) = (try Bench(), try TestKey())
            let manifest = try await claim(try ModelMaker.small(), in: bench)
            let store = bench.shelf.store
            #expect(try store.areFilesClaimed(in: manifest))
            let model = try store.find("m")
            let signing = ModelSigning(in: store, progress: Progress("sign"))
            let signed = try await signing.sign(model, with: key.signing())
            #expect(signed.wereHashed && signed.files == 4)
            #expect(try !store.areFilesClaimed(in: manifest))
            let again = try await signing.sign(model, with: key.signing())
            #expect(!again.wereHashed)
        }
    }

    @Test func `are not signed or verified where a file is another`() async throws {
        try await onPool {
            let (bench, key) = (try Bench(), try TestKey())
            let manifest = try await claim(try ModelMaker.small(), in: bench, bending: "config.json")
            let store = bench.shelf.store
            let model = try store.find("m")
            let signing = ModelSigning(in: store, progress: Progress("sign"))
            let error = await #expect(throws: CakeError.self) { _ = try await signing.sign(model, with: key.signing()) }
            #expect(error?.kind == .damaged && error?.what.contains("config.json") == true)
            #expect(try store.areFilesClaimed(in: manifest) && store.signatures(of: manifest).isEmpty)
            let bundle = try key.bundle(of: store.manifest(manifest))
            let failure = await #expect(throws: CakeError.self) {
                _ = try await signing.verify(
                    model, by: FoundSignature(bundle, at: .path("x")), trusting: key.trusted(), ignoringUnsigned: false)
            }
            #expect(failure?.what.contains("config.json") == true)
        }
    }

    /// Saves a model as a registry's is: its layers were verified, the digests of its files were not.
    private func claim(_ files: ModelMaker.Files, in bench: Bench, bending bent: String? = nil) async throws -> Digest {
        let digest = try await bench.bring(files, as: "m")
        let (store, found) = (bench.shelf.store, try bench.shelf.store.manifest(digest))
        let changed = try found.files.map { file in
            try Manifest.File(
                path: file.path, digest: file.path.string == bent ? Digest(words: (1, 2, 3, 4)) : file.digest,
                size: file.size, segments: file.segments)
        }
        // It is no claim any more once it was imported: saved anew.
        try Bend.remove(bench.root + "/manifests/" + digest.hex)
        let operation = try Operation(store)
        let manifest = try store.save(Manifest(files: changed), in: operation, isClaim: true)
        _ = try store.point(ModelName("m"), to: manifest, from: ModelOrigin("test"), by: .free, in: operation) { _, _ in
        }
        return manifest
    }
}

/// A key by openssl.
private struct TestKey {
    private let pem: [UInt8]
    private let open: [UInt8]

    init() throws {
        let scratch = try Scratch()
        for words in [
            ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", scratch["key"]],
            ["pkey", "-in", scratch["key"], "-pubout", "-out", scratch["pub"]],
        ] { try #require(try Tool.run("openssl", words).status == 0) }
        pem = Array(try Data(contentsOf: URL(filePath: scratch["key"])))
        open = Array(try Data(contentsOf: URL(filePath: scratch["pub"])))
    }

    func signing() throws -> SigningKey {
        let none: [UInt8] = []
        return try SigningKey(pem: pem.span, password: none.span)
    }

    func trusted() throws -> TrustedSigner { try TrustedSigner(key: open.span) }

    func bundle(of manifest: Manifest) throws -> [UInt8] {
        let statement = try SignedStatement(of: manifest.files, name: "m") { SHA256.digest(of: $0.span) }
        let text = SignatureBundle.signedBytes(of: statement.encoded)
        let key = try signing()
        let signature = try key.sign(text.span)
        return SignatureBundle(payload: statement.encoded, signature: signature, hint: nil).encoded
    }
}
