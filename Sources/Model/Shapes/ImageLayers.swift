/// The layers of a model's image: each a tar of files below `models/`. A large file is a layer of its own. All small files are in
/// the last layer: models with equal weights then have equal layers up to that one.
public enum ImageLayers {
    /// Docker takes 125 with those of a base.
    public static let most = 120
    /// The folder that KServe and others look in.
    public static let folder = "models/"
    /// From here on a file is large.
    public static let large: UInt64 = 16 << 20

    /// At most so many layers. Of more large files the smallest share layers.
    public static func plans(of files: [Manifest.File], most: Int = most) throws(CakeError) -> [BlobPlan] {
        for file in files {
            guard let part = file.path.parts.first(where: { $0.utf8.starts(with: ".wh.".utf8) }) else { continue }
            throw CakeError(
                .failed,
                "an image cannot hold \(file.path): \"\(Printable.escape(part))\" means there that a file was deleted",
                fix: "use --as modelpack, or rename the file and import the model again")
        }
        let small = files.filter { $0.size < large }
        let room = max(1, most - (small.isEmpty ? 0 : 1))
        var layers = grouped(files.filter { $0.size >= large }, into: room)
        if !small.isEmpty || layers.isEmpty { layers.append(small) }
        return layers.map(plan)
    }

    /// The two smallest are joined until no more are left than allowed.
    private static func grouped(_ files: [Manifest.File], into most: Int) -> [[Manifest.File]] {
        struct Group {
            var files: [Manifest.File]
            var size: UInt64
        }
        let sorted = files.sorted { ($0.size, $0.path) < ($1.size, $1.path) }
        var single = sorted.map { Group(files: [$0], size: $0.size) }[...]
        // Sums grow: those that were joined are sorted as well.
        var joined: [Group] = []
        var first = 0
        func smallest() -> Group? {
            guard first < joined.count else { return single.popFirst() }
            if let next = single.first, next.size <= joined[first].size { return single.popFirst() }
            first += 1
            return joined[first - 1]
        }
        while single.count + joined.count - first > most {
            guard let one = smallest(), let other = smallest() else { break }
            joined.append(Group(files: one.files + other.files, size: one.size + other.size))
        }
        let groups = (single + joined[first...]).map { $0.files.sorted { $0.path < $1.path } }
        return groups.sorted { $0[0].path < $1[0].path }
    }

    /// Each folder before the first file in it.
    private static func plan(_ files: [Manifest.File]) -> BlobPlan {
        var pieces: [BlobPlan.Piece] = []
        var bytes = LayerHeader.folder(folder)
        var seen: Set<ExactText> = []
        for file in files {
            var path = folder
            for part in file.path.parts.dropLast() {
                path += part + "/"
                if seen.insert(ExactText(path)).inserted { bytes += LayerHeader.folder(path) }
            }
            bytes += LayerHeader.file(folder + file.path.string, size: file.size)
            guard file.size > 0 else { continue }
            pieces += [.bytes(bytes), .file(file)]
            bytes = LayerHeader.padding(file.size)
        }
        return BlobPlan(pieces + [.bytes(bytes + LayerHeader.end)])
    }
}
