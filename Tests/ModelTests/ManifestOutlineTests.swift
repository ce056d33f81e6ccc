import Model
import Support
import Testing

@Suite struct `The outline of a manifest` {
    private static let text = """
        cake manifest 1
        file \(digest(1)) 20 a/config.json
        \(digest(2)) 20
        file \(digest(3)) 40 b.GGUF
        \(digest(4)) 40
        file \(digest(5)) 116 model.safetensors
        \(digest(6)) 8
        \(digest(7)) 96 BF16 4x12 model.a b%0Ac
        \(digest(8)) 4 F32 - scale
        \(digest(8)) 4 F32 - scale.again
        \(digest(9)) 4 I32 1 x

        """

    private static func digest(_ number: Int) -> String { String(repeating: "\(number)", count: 64) }

    private static func text(changing line: String = "", to other: String = "") -> [UInt8] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return Array(lines.map { !line.isEmpty && $0 == line ? other[...] : $0 }.joined(separator: "\n").utf8)
    }

    @Test func `says the same as the manifest`() throws {
        let bytes = Self.text()
        let read = ManifestOutline(bytes.span)
        let outline = try #require(read)
        let manifest = try ManifestText.decode(bytes.span)
        for found in [outline, ManifestOutline(of: manifest)] {
            #expect(found.files == 3 && found.size == manifest.size && found.size == 176)
            #expect(found.tensors == 4 && found.parameters == 51 && found.mayHaveCounts)
            #expect(found.layers == manifest.segments.map(\.layer) && found.layers.count == 7)
        }
    }

    @Test func `is none of a text that is not written like one`() {
        let bytes = Self.text()
        for count in bytes.indices {
            let cut = Array(bytes.prefix(count))
            let isWhole = (try? ManifestText.decode(cut.span)) != nil
            let hasOutline = ManifestOutline(cut.span) != nil
            #expect(hasOutline == isWhole, "of \(count) bytes")
        }
        let layer = Self.digest(2)
        for other in ["file x 20 a", "\(layer) 21", "\(layer) 020", "\(layer) 20 BF17 5 x", "\(layer) 20 BF16"] {
            let changed = Self.text(changing: "\(layer) 20", to: other)
            let hasOutline = ManifestOutline(changed.span) != nil
            #expect(!hasOutline, "\(other)")
        }
    }
}
