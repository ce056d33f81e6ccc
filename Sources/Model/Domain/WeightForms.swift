/// The forms in which a repository's weights are there, folder by folder: a pipeline keeps a model in each.
struct WeightForms {
    private struct Folder {
        /// Has safetensors that are the model as it is meant to be read.
        var hasMain = false
        /// The files in its indexes, and `model.safetensors`. Empty if nothing says which files belong together.
        var named: Set<FilePath> = []
    }

    private var folders: [ExactText: Folder] = [:]
    private var hasMain = false
    private let paths: Set<FilePath>

    init(_ files: [FilePath]) {
        paths = Set(files)
        for path in paths where WeightForms.isSafetensors(path) && !WeightForms.isSecondary(path) {
            hasMain = true
            folders[WeightForms.folder(of: path), default: Folder()].hasMain = true
            if path.lastPart == "model.safetensors" { folders[WeightForms.folder(of: path)]?.named.insert(path) }
        }
    }

    /// An index of safetensors that say which files are the model.
    func isIndex(_ path: FilePath) -> Bool {
        path.string.hasSuffix(".safetensors.index.json") && !WeightForms.isSecondary(path) && hasMainBeside(path)
    }

    /// Returns files in the index that the repository lacks. If it lacks all of them, the index is ignored.
    mutating func read(_ bytes: Span<UInt8>, of path: FilePath) throws(CakeError) -> [FilePath] {
        let folder = WeightForms.folder(of: path)
        var named: [FilePath] = []
        for file in try ShardIndex(parsing: bytes).files {
            named.append(try FilePath(folder.string.isEmpty ? file.string : folder.string + "/" + file.string))
        }
        let present = named.filter(paths.contains)
        if folders[folder] != nil { folders[folder]?.named.formUnion(present) }
        return named.filter { !paths.contains($0) }
    }

    func isTaken(_ path: FilePath) -> Bool {
        let name = path.lastPart
        let named = folders[WeightForms.folder(of: path)]?.named ?? []
        if named.contains(path) { return true }
        if WeightForms.isSafetensors(path) {
            guard WeightForms.isSecondary(path) else { return named.isEmpty }
            return WeightForms.isOriginal(path) ? !hasMain : !hasMainBeside(path)
        }
        if name.hasSuffix(".index.json") {
            if name.hasSuffix(".safetensors.index.json") {
                return !WeightForms.isSecondary(path) || !hasMainBeside(path)
            }
            return !(WeightForms.hasEnding(String(name.dropLast(11)), WeightForms.pickles) && hasMainBeside(path))
        }
        // A pickle may be a part of a model that has no other form: it is dropped if safetensors are beside it.
        if WeightForms.hasEnding(name, WeightForms.pickles) {
            return WeightForms.isOriginal(path) ? !hasMain : !hasMainBeside(path)
        }
        return !(hasMain && WeightForms.hasEnding(name, WeightForms.otherLibraries))
    }

    private func hasMainBeside(_ path: FilePath) -> Bool { folders[WeightForms.folder(of: path)]?.hasMain ?? false }

    private static let pickles = [".bin", ".pth", ".ckpt"]
    private static let otherLibraries = [".gguf", ".onnx", ".onnx_data", ".h5", ".msgpack", ".tflite", ".ot"]

    private static func isSafetensors(_ path: FilePath) -> Bool { path.string.hasSuffix(".safetensors") }

    /// The same weights as their authors keep them, or rounded.
    private static func isSecondary(_ path: FilePath) -> Bool {
        let name = path.lastPart
        return name.hasPrefix("consolidated") || name.contains(".fp16.") || name.contains(".fp16-") || isOriginal(path)
    }

    private static func isOriginal(_ path: FilePath) -> Bool { path.parts.dropLast().contains("original") }

    private static func hasEnding(_ name: String, _ endings: [String]) -> Bool {
        let name = name.lowercased()
        return endings.contains { name.utf8.count > $0.utf8.count && name.hasSuffix($0) }
    }

    static func folder(of path: FilePath) -> ExactText {
        guard let slash = path.string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return ExactText(String(path.string[..<slash]))
    }
}
