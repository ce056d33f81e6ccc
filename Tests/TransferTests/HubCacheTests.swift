import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `A Hugging Face cache` {
    private struct Bench {
        let scratch: Scratch
        let shelf: Shelf
        let files: ModelMaker.Files

        init() async throws {
            scratch = try Scratch()
            shelf = try Shelf(at: scratch["store"])
            files = try ModelMaker.small()
            try await shelf.bring(ModelMaker.write(files, to: scratch["model"]), as: "org/name")
        }

        var cache: String { scratch["hub"] }

        @discardableResult
        func export(
            as name: String = "org/name", commit: String? = nil, etags: [FilePath: String] = [:]
        ) async throws -> HubCacheEntry {
            let named = try shelf.store.find("org/name")
            let manifest = named.record.manifest
            let entry = try HubCacheEntry(
                in: cache, ModelName(name), revision: nil, commit: commit, manifest: manifest, etags: etags)
            _ = try await Export(from: shelf.store, progress: Progress("export")).cache(
                named.name, manifest, shelf.store.manifest(manifest).files, to: entry)
            return entry
        }

        /// The files that a program finds by the snapshot's links.
        func read(_ entry: HubCacheEntry) throws -> ModelMaker.Files {
            var found: ModelMaker.Files = [:]
            for path in files.keys {
                found[path] = Array(try Data(contentsOf: URL(filePath: entry.snapshot + "/" + path)))
            }
            return found
        }

        var reclaim: Reclaim { Reclaim(from: shelf.store, progress: Progress("reclaim")) }
    }

    private static let commit = String(repeating: "5e3a", count: 10)

    @Test func `gets a model as the Hub's client lays it out`() async throws {
        try await onPool {
            let bench = try await Bench()
            let entry = try await bench.export(commit: Self.commit)
            #expect(try bench.read(entry) == bench.files)
            #expect(entry.snapshot == bench.cache + "/models--org--name/snapshots/" + Self.commit)
            let reference = try Data(contentsOf: URL(filePath: bench.cache + "/models--org--name/refs/main"))
            #expect(reference == Data(Self.commit.utf8))
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: entry.snapshot + "/extra/notes.txt")
            // The result of `git hash-object`.
            #expect(link == "../../../blobs/bfa655111293037a5564088d1a9bbca4cbcf446b")
            let weights = try FileManager.default.destinationOfSymbolicLink(
                atPath: entry.snapshot + "/model.safetensors")
            #expect(Digest(hex: Disk.lastPart(of: weights)) != nil)
            let again = try Shelf(at: bench.scratch["other"])
            try await again.bring(bench.cache, as: "back")
            #expect(try await again.files(of: "back") == bench.files)
        }
    }

    @Test func `calls a file what the Hub called it`() async throws {
        try await onPool {
            let bench = try await Bench()
            let manifest = try bench.shelf.store.manifest(bench.shelf.store.find("org/name").record.manifest)
            let (notes, weights) = (try FilePath("extra/notes.txt"), try FilePath("model.safetensors"))
            let digest = try #require(manifest.file(at: notes.string)).digest
            let bytes = bench.files["model.safetensors"] ?? []
            var hash = GitHash(size: UInt64(bytes.count))
            hash.update(bytes.span)
            let git = hash.finish()
            // A small file in large storage, and weights that git keeps.
            let entry = try await bench.export(commit: Self.commit, etags: [notes: digest.hex, weights: git.hex])
            func link(_ path: FilePath) throws -> String {
                let text = try FileManager.default.destinationOfSymbolicLink(atPath: entry.snapshot + "/" + path.string)
                return Disk.lastPart(of: text)
            }
            #expect(try link(notes) == digest.hex)
            #expect(try link(weights) == git.hex)
            #expect(try bench.read(entry) == bench.files)
            // An ETag that cannot belong to these bytes is ignored.
            let other = try await bench.export(
                as: "org/other", commit: Self.commit, etags: [notes: String(repeating: "0", count: 40)])
            #expect(try bench.read(other) == bench.files)
        }
    }

    @Test func `keeps what is there, and takes the same bytes from another repository`() async throws {
        try await onPool {
            let bench = try await Bench()
            let first = try await bench.export(commit: Self.commit)
            let reference = bench.cache + "/models--org--name/refs/main"
            let other = String(repeating: "77", count: 20)
            let second = try await bench.export(commit: other)
            #expect(try Data(contentsOf: URL(filePath: reference)) == Data(Self.commit.utf8))
            #expect(second.otherCommit == Self.commit && first.otherCommit == nil)
            #expect(try bench.read(second) == bench.files)
            let elsewhere = try await bench.export(as: "team/name", commit: Self.commit)
            let inodes = try [first, elsewhere].map { try Disk.status($0.snapshot + "/model.safetensors")?.inode }
            #expect(inodes[0] == inodes[1])
            let spoiled = first.snapshot + "/config.json"
            try FileManager.default.removeItem(atPath: spoiled)
            try Data("mine".utf8).write(to: URL(filePath: spoiled))
            await #expect(throws: CakeError.self) { try await bench.export(commit: Self.commit) }
            #expect(try Data(contentsOf: URL(filePath: spoiled)) == Data("mine".utf8))
        }
    }

    @Test func `has datasets beside models`() async throws {
        try await onPool {
            let bench = try await Bench()
            let rows: ModelMaker.Files = [
                "README.md": Array("# rows\n".utf8), "data/train.csv": Array("a,b\n1,2\n".utf8),
            ]
            try await bench.shelf.bring(ModelMaker.write(rows, to: bench.scratch["rows"]), as: "datasets/org/name")
            try await bench.export(commit: Self.commit)
            let named = try bench.shelf.store.find("datasets/org/name")
            let entry = try HubCacheEntry(
                in: bench.cache, named.name, revision: nil, commit: Self.commit, manifest: named.record.manifest)
            #expect(entry.snapshot == bench.cache + "/datasets--org--name/snapshots/" + Self.commit)
            _ = try await Export(from: bench.shelf.store, progress: Progress("export")).cache(
                named.name, named.record.manifest, bench.shelf.store.manifest(named.record.manifest).files, to: entry)
            for (path, bytes) in rows {
                #expect(try Array(Data(contentsOf: URL(filePath: entry.snapshot + "/" + path))) == bytes)
            }
            // One by its own name, where it came from a dataset.
            let renamed = try HubCacheEntry(
                in: bench.cache, ModelName("mine"), revision: nil, commit: nil, manifest: named.record.manifest,
                from: "hf://datasets/org/name")
            #expect(renamed.repository.cacheFolder == "datasets--mine")

            for path in [bench.cache, entry.folder, entry.snapshot] {
                let found = try ImportPath(path, name: nil, followingAllLinks: false).candidates
                let dataset = try #require(found.first { $0.name.string == "datasets/org/name" })
                #expect(dataset.origin == "hf://datasets/org/name" && dataset.commit == Self.commit)
                #expect(Set(dataset.source.files.map(\.path.string)) == Set(rows.keys))
                #expect(found.contains { $0.name.string == "org/name" } == (path == bench.cache))
            }
            let again = try Shelf(at: bench.scratch["other"])
            try await again.bring(entry.folder, as: "datasets/org/name")
            #expect(try await again.files(of: "datasets/org/name") == rows)

            let plan = try bench.reclaim.plan(of: bench.cache)
            #expect(Set(plan.snapshots.map(\.name.string)) == ["org/name", "datasets/org/name"])
            #expect(try await bench.reclaim.link(plan, to: bench.scratch["out"]).blobs == 5)
            #expect(try ModelMaker.read(bench.scratch["out/datasets/org/name"]) == rows)
            #expect(try await bench.reclaim.delete(bench.reclaim.plan(of: bench.cache), to: nil).blobs == 5)
        }
    }

    @Test func `becomes other names of exported files`() async throws {
        try await onPool {
            let bench = try await Bench()
            let entry = try await bench.export(commit: Self.commit)
            try Data("not in the store".utf8).write(to: URL(filePath: entry.snapshot + "/more.txt"))
            let plan = try bench.reclaim.plan(of: bench.cache)
            #expect(plan.snapshots.map(\.unknown) == [[try FilePath("more.txt")]])
            let report = try await bench.reclaim.link(plan, to: bench.scratch["out"])
            #expect(report.blobs == plan.blobs.count && report.blobs == 3)
            #expect(try bench.read(entry) == bench.files)
            let (cached, out) = (
                try Disk.status(entry.snapshot + "/model.safetensors"),
                try Disk.status(bench.scratch["out/org/name/model.safetensors"])
            )
            #expect(cached?.inode == out?.inode)
            let again = try await bench.reclaim.link(bench.reclaim.plan(of: bench.cache), to: bench.scratch["out"])
            #expect(again.blobs == 0)
        }
    }

    @Test func `is emptied of what the store has, and of nothing else`() async throws {
        try await onPool {
            let bench = try await Bench()
            let entry = try await bench.export(commit: Self.commit)
            try Data("not in the store".utf8).write(to: URL(filePath: entry.snapshot + "/more.txt"))
            let report = try await bench.reclaim.delete(bench.reclaim.plan(of: bench.cache), to: nil)
            #expect(report.blobs == 3)
            let left = try ModelMaker.read(bench.cache)
            #expect(left.values.contains(Array("not in the store".utf8)))
            #expect(!left.values.contains { $0 == bench.files["model.safetensors"] })
            try await bench.export(commit: Self.commit)
            #expect(try bench.read(entry) == bench.files)
        }
    }

    @Test func `keeps what the store has damaged`() async throws {
        try await onPool {
            let bench = try await Bench()
            let entry = try await bench.export(commit: Self.commit)
            let large = try #require(try bench.shelf.layers(of: "org/name").first { $0.size > 1 << 20 })
            let path = bench.shelf.object(large.digest)
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[bytes.count / 2] ^= 255
            try bytes.write(to: URL(filePath: path))
            let plan = try bench.reclaim.plan(of: bench.cache)
            await #expect(throws: CakeError.self) { try await bench.reclaim.delete(plan, to: nil) }
            let weights = try Data(contentsOf: URL(filePath: entry.snapshot + "/model.safetensors"))
            #expect(Array(weights) == bench.files["model.safetensors"])
        }
    }

    @Test func `leaves alone what was written to meanwhile`() async throws {
        try await onPool {
            let bench = try await Bench()
            let entry = try await bench.export(commit: Self.commit)
            let plan = try bench.reclaim.plan(of: bench.cache)
            let config = try Disk.canonical(entry.snapshot + "/config.json")
            try Data("another configuration".utf8).write(to: URL(filePath: config))
            _ = try await bench.reclaim.delete(plan, to: nil)
            #expect(try Data(contentsOf: URL(filePath: config)) == Data("another configuration".utf8))
        }
    }
}
