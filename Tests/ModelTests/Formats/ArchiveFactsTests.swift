import Support
import Testing

@testable import Model

@Suite struct `An archive's facts` {
    private static func digest(_ number: UInt64) -> Digest { Digest(words: (number, 0, 0, 0)) }

    private static func file(_ path: String, tensors: [String]) throws -> Manifest.File {
        var segments = [Manifest.Segment(layer: Layer(digest: digest(1), size: 8), tensor: nil)]
        for (index, name) in tensors.enumerated() {
            segments.append(
                Manifest.Segment(
                    layer: Layer(digest: digest(UInt64(10 + index)), size: 16),
                    tensor: Tensor(name: ExactText(name), dtype: .f16, shape: [2, 4])))
        }
        return try Manifest.File(
            path: FilePath(path), digest: digest(2), size: 8 + 16 * UInt64(tensors.count), segments: segments)
    }

    private static func whole() throws -> ArchiveFacts {
        let files = try [
            file("model.safetensors", tensors: ["a b%", "ä\n"]), file("config.json", tensors: []),
        ]
        return try ArchiveFacts(
            WeightFiles(of: files, indexes: [:]), tied: [digest(10)], hasJoinedStorages: true, isStreamed: false)
    }

    private static func part() throws -> ArchiveFacts {
        let entry = Weights.Entry(
            tensor: Tensor(name: "x", dtype: .f8e4m3, shape: []), layer: Layer(digest: digest(3), size: 1))
        return try ArchiveFacts(
            Weights([entry]), companions: [file("config.json", tensors: [])], tied: [], hasJoinedStorages: false,
            isStreamed: true)
    }

    private static func passed() throws -> ArchiveFacts {
        try ArchiveFacts(
            passed: [file("model.safetensors", tensors: ["a", "b"])], companions: [file("config.json", tensors: [])])
    }

    @Test func `come back as they were, and lay the archive out alike`() throws {
        for facts in [try Self.whole(), try Self.part(), try Self.passed()] {
            let bytes = facts.encode()
            let read = try ArchiveFacts(decoding: bytes.span)
            #expect(read == facts)
            #expect(read.encode() == bytes)
            let (one, other) = (try FastArchive(facts).layout, try FastArchive(read).layout)
            #expect(one.members == other.members && one.places == other.places && one.size == other.size)
        }
    }

    @Test func `are refused, and never trap, when a byte of them is another`() throws {
        for facts in [try Self.whole(), try Self.part(), try Self.passed()] {
            let bytes = facts.encode()
            var numbers = SeededNumbers(seed: 3)
            for index in bytes.indices {
                var changed = bytes
                changed[index] = UInt8.random(in: 0...255, using: &numbers)
                guard let read = try? ArchiveFacts(decoding: changed.span) else { continue }
                #expect(read.encode() == changed, "two spellings of one archive")
                _ = try? FastArchive(read)
            }
            for count in bytes.indices {
                let cut = Array(bytes[..<count])
                let read = try? ArchiveFacts(decoding: cut.span)
                #expect(read != facts)
            }
        }
    }

    @Test func `of what passed are as long as they were to be, and stand last`() throws {
        let tensor = Tensor(name: "t", dtype: .u8, shape: [9])
        let empty = Tensor(name: "none", dtype: .f32, shape: [0])
        let archive = try PassingArchive(
            weights: [
                .init(
                    path: FilePath("b.safetensors"),
                    segments: [(size: UInt64(20), tensor: nil), (size: UInt64(9), tensor: tensor)]),
                .init(
                    path: FilePath("a.safetensors"),
                    segments: [(size: UInt64(30), tensor: nil), (size: UInt64(0), tensor: empty)]),
            ], companions: [.init(path: FilePath("config.json"), segments: [(size: UInt64(5), tensor: nil)])])
        #expect(archive.files.map(\.path.string) == ["config.json", "a.safetensors", "b.safetensors"])
        #expect(archive.layerSizes == [5, 30, 0, 20, 9])
        let layers = (10..<15).map { Self.digest(UInt64($0)) }
        let files = (20..<23).map { Self.digest(UInt64($0)) }
        let bytes = try archive.facts(files: files, layers: layers)
        let read = try ArchiveFacts(decoding: bytes.span)
        let whole = try FastArchive(read)
        #expect(whole.layout.size == archive.layout.size && whole.layout.places == archive.layout.places)
        #expect(whole.layout.members.last?.name == FastArchive.factsName)
        #expect(read.manifest.file(at: "b.safetensors")?.digest == files[2])
        #expect(read.weights.entries.map(\.layer.digest) == [.empty, layers[4]])
        let end = whole.layout.directory(sums: whole.layout.members.map { _ in 0 })
        let header = ZipLayout.lastHeader(in: end.span, named: FastArchive.factsName)
        #expect(header == whole.layout.places.last?.header)
        #expect(ZipLayout.lastHeader(in: end.span, named: "archive/version") == nil)
        #expect(ZipLayout.lastHeader(in: end.span.extracting(0..<90), named: FastArchive.factsName) == nil)
        #expect(throws: CakeError.self) { try archive.facts(files: files, layers: Array(layers.dropLast())) }
    }

    @Test func `give a layer one size`() throws {
        func facts(_ layers: [Layer]) throws -> ArchiveFacts {
            let entries = layers.enumerated().map { index, layer in
                Weights.Entry(
                    tensor: Tensor(name: ExactText("t\(index)"), dtype: .u8, shape: [layer.size]), layer: layer)
            }
            return try ArchiveFacts(
                Weights(entries), companions: [], tied: [], hasJoinedStorages: false, isStreamed: false)
        }
        let layer = Layer(digest: Self.digest(1), size: 8)
        #expect(try facts([layer, layer, Layer(digest: .empty, size: 0)]).weights.entries.count == 3)
        #expect(throws: CakeError.self) { try facts([layer, Layer(digest: Self.digest(1), size: 9)]) }
        #expect(throws: CakeError.self) { try facts([Layer(digest: .empty, size: 3)]) }
        #expect(throws: CakeError.self) { try facts([Layer(digest: Self.digest(1), size: 0)]) }
    }

    @Test func `of a newer cake say so`() {
        let bytes = Array("cake archive 2\n".utf8)
        #expect(
            throws: CakeError(
                .failed, "\"cake archive 2\" is an archive format unknown to this cake", fix: "use a newer cake")
        ) {
            try ArchiveFacts(decoding: bytes.span)
        }
    }

    @Test func `take the weights of the top folder, and leave out their other forms`() throws {
        let files = try [
            Self.file("model.safetensors", tensors: ["a"]), Self.file("2_Dense/model.safetensors", tensors: ["a"]),
            Self.file("pytorch_model.bin", tensors: []), Self.file("config.json", tensors: []),
        ]
        let found = try WeightFiles(of: files, indexes: [:])
        #expect(found.weights.map(\.path.string) == ["model.safetensors"])
        #expect(Set(found.companions.map(\.path.string)) == ["2_Dense/model.safetensors", "config.json"])
        #expect(found.otherForms.map(\.path.string) == ["pytorch_model.bin"])
        let pipeline = try [
            Self.file("unet/model.safetensors", tensors: ["a"]), Self.file("vae/model.safetensors", tensors: ["a"]),
        ]
        #expect(throws: CakeError.self) { try WeightFiles(of: pipeline, indexes: [:]) }
        #expect(
            try WeightFiles(of: [pipeline[1]], indexes: [:]).weights.map(\.path.string) == ["vae/model.safetensors"])
        #expect(throws: CakeError.self) { try WeightFiles(of: [files[3]], indexes: [:]) }
    }
}
