/// The files of layers that lie one over the other. Each layer is done to what earlier layers left.
public struct Overlay<File> {
    public private(set) var files: [FilePath: File] = [:]

    public init() {}

    /// Whiteouts remove what is below the layer, and never what is in it. Takes one pass over the files, whatever the layer says.
    public mutating func add(_ layer: [(place: ArchivePlace, file: File?)]) {
        var removed: Set<String> = []
        var emptied: Set<String> = []
        var added: [FilePath: File] = [:]
        for (place, file) in layer {
            switch place {
            case .removed(nil), .emptied(nil): files = [:]
            case .removed(let path?): removed.insert(path.string)
            case .emptied(let path?): emptied.insert(path.string)
            case .folder(let path?):
                // A folder in the place of a file.
                files[path] = nil
                removeFiles(above: path)
            case .file(let path):
                added[path] = file
                // A file in the place of a folder.
                emptied.insert(path.string)
                removeFiles(above: path)
            case .folder(nil), .outside: break
            }
        }
        if !files.isEmpty, !removed.isEmpty || !emptied.isEmpty {
            files = files.filter { path, _ in
                !removed.contains(path.string)
                    && !Overlay.folders(of: path).contains { removed.contains($0) || emptied.contains($0) }
            }
        }
        files.merge(added) { $1 }
    }

    private static func folders(of path: FilePath) -> [String] {
        var folder = ""
        return path.parts.dropLast().map { part in
            folder += folder.isEmpty ? part : "/" + part
            return folder
        }
    }

    private mutating func removeFiles(above path: FilePath) {
        guard !files.isEmpty else { return }
        for folder in Overlay.folders(of: path) { if let above = try? FilePath(folder) { files[above] = nil } }
    }
}
