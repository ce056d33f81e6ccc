import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Mount

@Suite struct `A mount's Hugging Face cache` {
    @Test func `has for each file a link to a blob with its bytes`() async throws {
        try await onPool {
            let bench = try TreeBench()
            let digest = try await bench.bring("org/m", ModelMaker.small())
            let tree = bench.tree()
            let top = ".hf/models--org--m"
            #expect(try tree.list(".hf") == ["models--org--m"])
            #expect(try tree.list(top) == ["blobs", "refs", "snapshots"])
            let commit = String(digest.hex.prefix(40))
            let reference = try #require(try tree.look(top + "/refs/main"))
            #expect(try await bench.bytes(reference, in: tree) == Array(commit.utf8))
            #expect(try tree.attributes(of: reference).size == 40)
            #expect(try tree.list(top + "/snapshots") == [commit])
            let paths = try tree.walk(top + "/snapshots/" + commit).filter { !$0.hasSuffix("/") }
            #expect(paths.count == 4)
            for path in paths {
                let inside = String(path.dropFirst((top + "/snapshots/" + commit + "/").count))
                let link = try #require(try tree.look(path))
                let target = try tree.target(of: link)
                #expect(tree.isLink(link))
                #expect(try tree.attributes(of: link).size == UInt64(target.utf8.count))
                let resolved = URL(filePath: "/" + path).deletingLastPathComponent().appending(path: target)
                    .standardized
                let blob = try #require(try tree.look(String(resolved.path.dropFirst())), "\(path) leads to \(target)")
                let file = try #require(try tree.look("org/m/" + inside))
                #expect(blob == file, "the same file, so that the kernel keeps its pages once")
            }
            let blobs = try tree.list(top + "/blobs")
            #expect(blobs.count == Set(blobs).count && blobs == blobs.sorted())
            for name in blobs { #expect(try tree.look(top + "/blobs/" + name) != nil) }
        }
    }

    @Test func `is the cache that an export writes`() async throws {
        try await onPool {
            let bench = try TreeBench()
            try await bench.bring("org/m", ModelMaker.small())
            try await bench.shelf.exportToCache("org/m", bench.scratch["cache"])
            let written = try FileManager.default.subpathsOfDirectory(atPath: bench.scratch["cache"])
                .filter { $0 != "CACHEDIR.TAG" }.sorted()
            let shown = try bench.tree().walk(".hf").map {
                String($0.dropFirst(4).hasSuffix("/") ? $0.dropFirst(4).dropLast() : $0.dropFirst(4))
            }
            #expect(shown.sorted() == written)
        }
    }

    /// A name, what its record says, and where in the cache it then is; nil for nowhere.
    static let places: [(name: String, source: String?, asked: String?, commit: String?, references: [String]?)] = [
        ("gpt2", nil, nil, nil, ["models--gpt2/refs/main"]),
        ("org/m", "hf://org/m", "main", String(repeating: "a", count: 40), ["models--org--m/refs/main"]),
        ("org/m@v1", "hf://org/m", "v1", String(repeating: "b", count: 40), ["models--org--m/refs/v1"]),
        ("org/m@refs/pr/1", nil, nil, nil, ["models--org--m/refs/refs/pr/1"]),
        (
            "org/pinned@" + String(repeating: "c", count: 40), "hf://org/pinned", nil,
            String(repeating: "c", count: 40),
            []
        ),
        ("org/tuned", "hf://org/tuned", "dev", nil, ["models--org--tuned/refs/main", "models--org--tuned/refs/dev"]),
        ("datasets/org/d", nil, nil, nil, ["datasets--org--d/refs/main"]),
        ("org/data", "hf://datasets/org/data", "main", nil, ["datasets--org--data/refs/main"]),
        ("org/deep/m", nil, nil, nil, nil), ("host:5000/m:v1", nil, nil, nil, nil), ("org/größe", nil, nil, nil, nil),
    ]

    @Test func `has models under the names and revisions that a Hub shows`() async throws {
        try await onPool {
            let bench = try TreeBench()
            for row in Self.places {
                try await bench.bring(row.name)
                try bench.change(row.name) { record in
                    (record.source, record.revision, record.commit) = (row.source, row.asked, row.commit)
                }
            }
            let tree = bench.tree()
            let all = try tree.walk(".hf")
            let wanted = Self.places.flatMap { $0.references ?? [] }.map { ".hf/" + $0 }
            #expect(all.filter { $0.contains("/refs/") && !$0.hasSuffix("/") } == wanted.sorted())
            for row in Self.places {
                guard let repository = try? HubRepository(of: ModelName(row.name), from: row.source) else {
                    #expect(row.references == nil)
                    continue
                }
                let commit = try row.commit ?? String(bench.shelf.store.find(row.name).record.manifest.hex.prefix(40))
                let link = try #require(
                    try tree.look(".hf/\(repository.cacheFolder)/snapshots/\(commit)/config.json"), "\(row.name)")
                let target = try tree.target(of: link)
                let blob = try #require(try tree.look(".hf/\(repository.cacheFolder)/\(target.dropFirst(6))"))
                #expect(
                    try await String(decoding: bench.bytes(blob, in: tree), as: UTF8.self).contains("\"\(row.name)\""))
                for path in row.references ?? [] {
                    #expect(
                        try await bench.bytes(#require(try tree.look(".hf/" + path)), in: tree) == Array(commit.utf8))
                }
            }
            for name in [
                "models--org", "models--org--x", "models--org/m", "spaces--org--m", "models--org--deep--m", "x",
            ] {
                #expect(try tree.look(".hf/" + name) == nil, "\(name)")
            }
        }
    }

    @Test func `calls files as their Hub did`() async throws {
        try await onPool {
            let bench = try TreeBench()
            let words = Array("words".utf8)
            try await bench.bring("org/m", ["large.txt": words, "small.bin": words + words, "plain.txt": words + [1]])
            let digest = { (bytes: [UInt8]) in SHA256.digest(of: bytes.span).hex }
            let (large, small) = (try FilePath("large.txt"), try FilePath("small.bin"))
            var hash = GitHash(size: UInt64(2 * words.count))
            hash.update((words + words).span)
            let git = hash.finish().hex
            // Kept as a large file there, though small; and as a small one, though of a kind that is large.
            try bench.change("org/m") { record in
                record.etags[large] = digest(words)
                record.etags[small] = git
            }
            let tree = bench.tree()
            let blobs = try tree.list(".hf/models--org--m/blobs")
            #expect(blobs.filter { $0.utf8.count == 64 } == [digest(words)])
            #expect(blobs.filter { $0.utf8.count == 40 }.count == 3)
        }
    }
}
