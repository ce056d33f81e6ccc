import Model
import Support
import Testing

/// Every reader of a stranger's size.
private let doors: [(name: String, read: @Sendable (UInt64) throws -> Void)] = [
    ("a pack", { _ = try decode(RawModel(file: 5, member: 100, pack: (pack, $0))) }),
    ("a layer of an index", { _ = try decode(RawModel(file: $0, member: 100, pack: (pack, 100))) }),
    (
        "a blob of an artifact",
        {
            let artifact = RawModel(file: 5, member: 100, pack: (pack, $0)).artifact
            _ = try ModelArtifact(RegistryManifest(parsing: artifact.span))
        }
    ),
    ("a file of a manifest", { _ = try text(RawModel.manifest([("x", pack, $0)])) }),
    ("a file of a Hub", { try tree(#"[{"type":"file","path":"x","size":\#($0)}]"#) }),
    (
        "a large file of a Hub",
        { try tree(#"[{"type":"file","path":"x","size":5,"lfs":{"size":\#($0),"pointerSize":5}}]"#) }
    ),
    (
        "a file of Xet's",
        { size in
            do {
                _ = try XetReconstruction(terms: [], skipped: 0, of: 0..<0, fileSize: size)
            } catch let error as CakeError {
                throw error
            }
        }
    ),
    (
        "a safetensors file",
        { _ = try Safetensors.headerLength(prefix: ([2] + [UInt8](repeating: 0, count: 7)).span, fileSize: $0) }
    ),
    (
        "a GGUF file",
        { _ = try GGUF.Header.read(prefix: Array("GGUF".utf8).span, fileSize: $0) }
    ),
    (
        "a chunk of an upload",
        { size in if ByteRange.chunk("0-\(size - 1)") == nil { throw CakeError(.damaged, "no") } }
    ),
]

private let pack = RawModel.digest(8)

private func decode(_ model: RawModel) throws -> PackIndex { try PackIndex(decoding: model.index.span) }

private func text(_ bytes: [UInt8]) throws -> Manifest { try ManifestText.decode(bytes.span) }

private func tree(_ page: String) throws {
    var tree = HubTree()
    try tree.add(page: Array(page.utf8).span)
}

@Suite struct `A size that a stranger names` {
    @Test(arguments: doors.indices) func `is one that exists, or is refused where it is read`(door: Int) throws {
        let (name, read) = doors[door]
        #expect(throws: Never.self, "\(name)") { try read(ByteCount.maximum) }
        for size in [ByteCount.maximum + 1, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 1, .max] as [UInt64] {
            let error = #expect(throws: CakeError.self, "\(name) of \(size) bytes") { try read(size) }
            #expect(error?.kind == .damaged, "\(name): \(String(describing: error))")
        }
    }

    @Test(arguments: RawModel.hostile.indices) func `lets no index and no manifest pass`(number: Int) throws {
        let (what, model) = RawModel.hostile[number]
        let error = #expect(throws: CakeError.self, "\(what)") {
            let artifact = try ModelArtifact(RegistryManifest(parsing: model.artifact.span))
            try artifact.check(
                PackIndex(decoding: model.index.span), ManifestText.decode(model.manifest.span))
        }
        #expect(error?.kind == .damaged, "\(what)")
    }

    @Test func `is added up, and the sum is checked`() throws {
        var total = ByteTotal()
        for _ in 0..<256 { try total.add(ByteCount.maximum, of: "a file") }
        #expect(total.bytes == ByteCount.maximumTotal)
        let error = #expect(throws: CakeError.self) { try total.add(1, of: "a file") }
        #expect(error?.what.contains("a file, together with earlier ones, claims") == true)
        // 128 totals, with a sign and without.
        #expect(Int(exactly: 127 * ByteCount.maximumTotal) != nil)
        let files = (0..<300).map { #"{"type":"file","path":"f\#($0)","size":281474976710656}"# }
        #expect(throws: CakeError.self) {
            var tree = HubTree()
            try tree.add(page: Array("[\(files.joined(separator: ","))]".utf8).span)
            _ = try tree.snapshot(
                of: HubRepository("org/m"), revision: nil, commit: String(repeating: "a", count: 40))
        }
    }
}
