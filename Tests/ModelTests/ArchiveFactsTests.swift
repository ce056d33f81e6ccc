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

    @Test func `come back as they were, and lay the archive out alike`() throws {
        for facts in [try Self.whole(), try Self.part()] {
            let bytes = facts.encode()
            let read = try ArchiveFacts(decoding: bytes.span)
            #expect(read == facts)
            #expect(read.encode() == bytes)
            let (one, other) = (try FastArchive(facts).layout, try FastArchive(read).layout)
            #expect(one.members == other.members && one.places == other.places && one.size == other.size)
        }
    }

    @Test func `are refused, and never trap, when a byte of them is another`() throws {
        for facts in [try Self.whole(), try Self.part()] {
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
            throws: CakeError(.failed, "\"cake archive 2\" is no archive that this cake knows", fix: "use a newer cake")
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
