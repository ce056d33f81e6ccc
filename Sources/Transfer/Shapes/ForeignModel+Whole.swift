internal import Model

extension ForeignModel {
    /// Refuses files that two layers have, and a model without any.
    func whole(_ files: [Manifest.File], at place: String) throws(CakeError) -> Manifest {
        do throws(CakeError) {
            guard !files.isEmpty else {
                throw CakeError(
                    .damaged,
                    shape == .image
                        ? "the image has no files in models/" : "the \(shape.words) has no files",
                    fix: "cake takes models; other images are for docker or podman")
            }
            var seen: Set<FilePath> = []
            if let twice = files.first(where: { !seen.insert($0.path).inserted }) {
                throw CakeError(.damaged, "two of its layers have the file \(twice.path)", fix: "ask who made it")
            }
            try refuseOtherFormat(among: files.map(\.path))
            return try Manifest(files: files)
        } catch { throw error.at(place) }
    }
}
