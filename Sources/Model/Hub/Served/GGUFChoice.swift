/// The file that llama.cpp means by `org/name:TAG`, where a tag names a quantization: `Q4_K_M`.
public struct GGUFChoice: Hashable, Sendable {
    /// Of a model in several files, the first.
    public let model: FilePath
    /// The projector that a vision model needs.
    public let projector: FilePath?

    /// Nil when no file has this quantization.
    public init?(tag: String, in files: [FilePath]) {
        let all = files.filter { GGUFChoice.isOne($0) }
        let models = all.filter { !GGUFChoice.isProjector($0) && GGUFChoice.isFirst($0) }
        let wanted = tag == GGUFChoice.latest ? GGUFChoice.usual : [tag]
        let found = wanted.lazy.compactMap { word in
            models.first { GGUFChoice.names(GGUFChoice.stem($0.lastPart), word) }
                ?? models.first { GGUFChoice.names($0.string, word) }
        }
        guard let model = found.first ?? (tag == GGUFChoice.latest ? models.first : nil) else { return nil }
        self.model = model
        let projectors = all.filter { GGUFChoice.isProjector($0) }
        projector = projectors.first { GGUFChoice.names($0.lastPart, "f16") } ?? projectors.first
    }

    public static let latest = "latest"

    /// In the order in which `latest` looks for them.
    private static let usual = [
        "Q4_K_M", "Q4_K_S", "Q4_K_XL", "Q4_K_L", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "MXFP4", "Q5_K_M", "Q5_K_S",
        "Q6_K", "Q8_0", "Q3_K_M", "Q3_K_L", "Q3_K_S", "Q2_K", "BF16", "F16", "F32",
    ]

    /// Whether a repository has such files.
    public static func hasAny(_ files: [FilePath]) -> Bool {
        files.contains { isOne($0) && !isProjector($0) }
    }

    private static func isOne(_ path: FilePath) -> Bool { path.lastPart.lowercased().hasSuffix(".gguf") }

    private static func isProjector(_ path: FilePath) -> Bool {
        let name = path.lastPart.lowercased()
        return name.contains("mmproj") || name.contains("imatrix")
    }

    /// `NAME-00002-of-00003.gguf` is a later part.
    private static func isFirst(_ path: FilePath) -> Bool {
        guard let part = part(of: path.lastPart) else { return true }
        return part.allSatisfy { $0 == "0" || $0 == "1" } && part.hasSuffix("1")
    }

    private static func part(of name: String) -> Substring? {
        let words = name.dropLast(".gguf".count).split(separator: "-", omittingEmptySubsequences: false).suffix(3)
        guard words.count == 3, words[words.startIndex + 1] == "of", let number = words.first, number.utf8.count == 5,
            number.utf8.allSatisfy({ $0 &- 0x30 < 10 })
        else { return nil }
        return number
    }

    private static func stem(_ name: String) -> String {
        let stem = String(name.dropLast(".gguf".count))
        return part(of: name) == nil ? stem : String(stem.dropLast("-00001-of-00001".count))
    }

    /// Whether the text contains the word, in any case, and not as a part of a longer one: `Q4_K` is not in `Q4_K_M`.
    private static func names(_ text: String, _ word: String) -> Bool {
        let (text, word) = (Array(text.lowercased().utf8), Array(word.lowercased().utf8))
        // An underscore precedes the Q8_0 of `model_Q8_0`, and is also inside `Q4_K_M`.
        let isWhole = word.first.map { $0 > 0x39 } == true && word.contains { $0 &- 0x30 < 10 }
        guard !word.isEmpty, text.count >= word.count else { return false }
        func parts(_ byte: UInt8, _ marks: String) -> Bool { marks.utf8.contains(byte) }
        return (0...(text.count - word.count)).contains { start in
            let end = start + word.count
            return text[start..<end].elementsEqual(word)
                && (start == 0 || parts(text[start - 1], isWhole ? "-._/" : "-./"))
                && (end == text.count || parts(text[end], "-./"))
        }
    }
}
