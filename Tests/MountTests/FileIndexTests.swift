import Model
import Platform
import Store
import Support
import Testing

@testable import Mount

@Suite struct `The index of a model's files` {
    static func index(_ paths: [String]) throws -> FileIndex {
        let files = try paths.map { path in
            let bytes = Array(path.utf8)
            let layer = Layer(digest: SHA256.digest(of: bytes.span), size: UInt64(bytes.count))
            return try Manifest.File(
                path: FilePath(path), digest: layer.digest, size: layer.size,
                segments: [Manifest.Segment(layer: layer, tensor: nil)])
        }
        return FileIndex(try Manifest(files: files))
    }

    /// Bytes before and after the slash, names that begin alike, folders in folders.
    static let paths = [
        "a", "b-c", "b/c", "b/d/e", "b/d/f", "b/d-", "b/d.x", "b0", "bb/c", "bb/cc/ccc", "c!", "c/x", "c~/x", "z/é/ü",
        "z/e",
        "z/€", "z z/y y",
    ]

    @Test func `finds in each folder what is there, and nothing else`() throws {
        let index = try Self.index(Self.paths)
        var seen: [String] = []
        func walk(_ folder: FileIndex.Entry, _ prefix: String) {
            let inside = Self.paths.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            let names = Set(inside.map { String($0.prefix { $0 != "/" }) })
            let entries = index.entries(of: folder)
            #expect(Set(entries.map(\.name)) == names && entries.count == names.count, "in \(prefix)")
            for (name, entry) in entries {
                #expect(index.entry(name, in: folder) == entry, "\(prefix)\(name)")
                if case .file(let file) = entry {
                    seen.append(String(decoding: index.path(of: file), as: UTF8.self))
                    #expect(seen.last == prefix + name)
                    #expect(index.size(of: file) == UInt64((prefix + name).utf8.count))
                    #expect(index.layers(of: file).map(\.size) == [index.size(of: file)])
                } else {
                    walk(entry, prefix + name + "/")
                }
            }
            for name in ["", "aa", "!", "~", "cc"] where !names.contains(name) {
                #expect(index.entry(name, in: folder) == nil, "\(prefix)\(name)")
            }
        }
        walk(FileIndex.top, "")
        #expect(seen.sorted() == Self.paths.sorted())
    }

    @Test func `of a model without files has none`() throws {
        let index = try Self.index([])
        #expect(index.count == 0 && index.entries(of: FileIndex.top).isEmpty)
        #expect(index.entry("a", in: FileIndex.top) == nil)
    }

    @Test func `takes little more than the bytes of many paths, and finds each`() throws {
        let paths = (0..<20_000).map { "data/part-\($0 / 1000)/file-\($0).bin" }
        let index = try Self.index(paths)
        #expect(index.cost < paths.reduce(0) { $0 + $1.utf8.count + 80 })
        let data = try #require(index.entry("data", in: FileIndex.top))
        #expect(index.entries(of: data).count == 20)
        let part = try #require(index.entry("part-7", in: data))
        #expect(index.entries(of: part).count == 1000)
        #expect(index.entry("file-7003.bin", in: part) != nil && index.entry("file-6999.bin", in: part) == nil)
        #expect(MemoryLayout<Node>.stride <= 48)
    }
}
