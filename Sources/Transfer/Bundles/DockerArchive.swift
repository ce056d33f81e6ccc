internal import Model
internal import Platform

/// What docker before version 25 and podman save: a `manifest.json`, configs, and layers as plain tars. The config names each
/// layer by its digest, and so the archive is read as the OCI image layout that it could have been.
enum DockerArchive {
    private static let name = "manifest.json"
    private static let longestList = 4 << 20
    private static let mostImages = 1000
    private static let configType = "application/vnd.oci.image.config.v1+json"
    private static let layerType = "application/vnd.oci.image.layer.v1.tar"

    /// Nil for other files.
    static func layout(of files: BundleFiles) throws(CakeError) -> (BundleIndex, BundleFiles)? {
        guard let text = try files.bytes(name, limit: longestList) else { return nil }
        do throws(CakeError) {
            guard let images = try JSONValue(parsing: text.span, limit: longestList).array else {
                throw CakeError(.damaged, "manifest.json has no list of images")
            }
            guard images.count <= mostImages else {
                throw CakeError(.damaged, "manifest.json has \(images.count) images; the limit is \(mostImages)")
            }
            var (members, made) = ([FilePath: BundleFiles.Place](), [FilePath: [UInt8]]())
            var entries: [BundleIndex.Entry] = []
            for image in images {
                let manifest = try manifest(of: image, in: files, &members, &made)
                let name = BlobName(SHA256.digest(of: manifest.span))
                made[try FilePath(BundleIndex.path(of: name))] = manifest
                entries.append(
                    BundleIndex.Entry(
                        name: name, size: UInt64(manifest.count), mediaType: RegistryManifest.image, artifactType: nil,
                        reference: nil, imageName: image["RepoTags"]?.array?.first?.string))
            }
            return (BundleIndex(entries), files.renamed(members, with: made))
        } catch { throw error.at(files.label) }
    }

    private static func manifest(
        of image: JSONValue, in files: BundleFiles, _ members: inout [FilePath: BundleFiles.Place],
        _ made: inout [FilePath: [UInt8]]
    ) throws(CakeError) -> [UInt8] {
        guard let configPath = image["Config"]?.string, let paths = image["Layers"]?.array else {
            throw CakeError(.damaged, "manifest.json has an image without a config or layers")
        }
        guard let config = try files.bytes(configPath, limit: JSONValue.usualLimit) else { throw missing(configPath) }
        let named = try JSONValue(parsing: config.span)["rootfs"]?["diff_ids"]?.array ?? []
        guard named.count == paths.count else {
            throw CakeError(
                .damaged, "an image has \(paths.count) layers, and its config names \(named.count)")
        }
        let configName = BlobName(SHA256.digest(of: config.span))
        made[try FilePath(BundleIndex.path(of: configName))] = config
        var layers: [JSONValue] = []
        for (path, digest) in zip(paths, named) {
            guard let path = path.string, let name = digest.string.flatMap({ BlobName($0) }) else {
                throw CakeError(.damaged, "an image has a layer without a path or a digest")
            }
            guard let place = try files.place(FilePath(path)) else { throw missing(path) }
            members[try FilePath(BundleIndex.path(of: name))] = place
            layers.append(.object(Descriptor(mediaType: layerType, name: name, size: place.size).json))
        }
        let descriptor = Descriptor(mediaType: configType, name: configName, size: UInt64(config.count))
        let document: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(RegistryManifest.image), "config": .object(descriptor.json),
            "layers": .array(layers),
        ]
        return document.bytes(.compact)
    }

    private static func missing(_ path: String) -> CakeError {
        CakeError(
            .damaged, "manifest.json names \(Printable.escape(path)), which is no file in it",
            fix: "save it again; docker 25 and newer, and podman save --format oci-archive, write layouts without links"
        )
    }
}
