/// Where the files of layers belong: by annotations, by KitOps' file, or by the order of layers as their tool names them.
struct ForeignNames {
    private let shape: ForeignShape
    private let kitfile: Kitfile?
    /// How many layers of a type there are, and how many of them were named.
    private var counts: [String: Int] = [:]
    private var named: [String: Int] = [:]

    init(_ shape: ForeignShape, kitfile: Kitfile?, types: [String]) {
        (self.shape, self.kitfile) = (shape, kitfile)
        for type in types { counts[type, default: 0] += 1 }
    }

    /// Nil for a layer that is no part of the model.
    mutating func content(
        _ listed: Descriptor, _ digest: Digest, path: String?
    ) throws(CakeError) -> ForeignLayer.Content? {
        let type = listed.mediaType
        // KitOps puts its own file beside the layers of a ModelPack.
        if shape == .modelPack, type == "application/vnd.kitops.modelkit.config.v1+json" { return nil }
        guard let kind = ForeignLayerType(type, in: shape) else {
            throw CakeError(
                .damaged,
                "layer \(digest.short) has the type \(Printable.escape(String(type.prefix(200)))), which cake does not know in a \(shape.words)",
                fix: "pull it with the tool that made it, then cake import its folder")
        }
        if kind == .imageLayer { return .imageLayer }
        let number = next(of: type)
        let place = kitfile?.place(of: digest, kind: ForeignLayerType.kitKind(of: type), number: number)
        if kind == .tar { return .tar(in: try folder(of: place)) }
        if let text = path ?? place?.path ?? dockerName(of: type) { return .file(try ForeignNames.file(text)) }
        throw CakeError(
            .damaged, "layer \(digest.short) has no annotation org.cncf.model.filepath: its file has no name",
            fix: "ask who pushed it to push it again with file names")
    }

    private mutating func next(of type: String) -> Int {
        defer { named[type, default: 0] += 1 }
        return named[type, default: 0]
    }

    /// `./x` is how people write x.
    private static func file(_ text: String) throws(CakeError) -> FilePath {
        try FilePath(text.utf8.starts(with: "./".utf8) ? String(text.dropFirst(2)) : text)
    }

    private func folder(of place: Kitfile.Place?) throws(CakeError) -> FilePath? {
        guard let place, place.isAround else { return nil }
        var path = Substring(place.path)
        while path.utf8.starts(with: "./".utf8) { path = path.dropFirst(2) }
        while path.utf8.last == UInt8(ascii: "/") { path = path.dropLast() }
        guard !path.isEmpty, path != "." else { return nil }
        let parts = try FilePath(String(path)).parts.dropLast()
        return parts.isEmpty ? nil : try FilePath(parts.joined(separator: "/"))
    }

    /// The names that Docker Model Runner gives when it unpacks; it was asked for the type's number just before.
    private func dockerName(of type: String) -> String? {
        guard shape == .docker else { return nil }
        let (number, count) = (named[type] ?? 1, counts[type] ?? 1)
        func digits(_ number: Int) -> String {
            String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
        }
        func weights(_ ending: String) -> String {
            count == 1 ? "model.\(ending)" : "model-\(digits(number))-of-\(digits(count)).\(ending)"
        }
        switch type {
        case "application/vnd.docker.ai.gguf.v3": return weights("gguf")
        case "application/vnd.docker.ai.safetensors": return weights("safetensors")
        case "application/vnd.docker.ai.dduf": return weights("dduf")
        case "application/vnd.docker.ai.chat.template.jinja": return count == 1 ? "template.jinja" : nil
        case "application/vnd.docker.ai.mmproj": return count == 1 ? "model.mmproj" : nil
        case "application/vnd.docker.ai.license": return count == 1 ? "LICENSE" : "LICENSE-\(number)"
        default: return nil
        }
    }
}

/// How the bytes of a layer are to be read, by its type.
enum ForeignLayerType {
    case raw, tar, imageLayer

    init?(_ type: String, in shape: ForeignShape) {
        let kind: ForeignLayerType? =
            switch shape {
            case .modelPack: ForeignLayerType.modelPack(type)
            case .docker: ForeignLayerType.docker(type)
            case .kit: ForeignLayerType.kit(type)
            case .image: ForeignLayerType.image(type)
            }
        guard let kind else { return nil }
        self = kind
    }

    private static let tars: Set = ["tar", "tar+gzip", "tar+zstd"]

    /// `weight.config` and `tar+gzip` of `PREFIXweight.config.v1.tar+gzip`.
    private static func split(_ type: String, after prefix: String) -> (base: String, form: String)? {
        guard type.utf8.starts(with: prefix.utf8) else { return nil }
        let rest = type.dropFirst(prefix.count)
        guard let version = rest.firstRange(of: ".v1.") else { return nil }
        return (String(rest[..<version.lowerBound]), String(rest[version.upperBound...]))
    }

    private static func modelPack(_ type: String) -> ForeignLayerType? {
        guard
            let (base, form) = split(type, after: "application/vnd.cncf.model.")
                ?? split(type, after: "application/vnd.cnai.model."),
            ["weight", "weight.config", "doc", "code", "dataset"].contains(base)
        else { return nil }
        if tars.contains(form) { return .tar }
        return form == "raw" || base == "weight" && ["gguf", "safetensors"].contains(form) ? .raw : nil
    }

    private static func kit(_ type: String) -> ForeignLayerType? {
        guard let (base, form) = split(type, after: "application/vnd.kitops.modelkit."),
            ["model", "modelpart", "dataset", "code", "docs"].contains(base)
        else { return nil }
        return tars.contains(form) ? .tar : form == "raw" ? .raw : nil
    }

    /// What KitOps' file calls such a layer.
    static func kitKind(of type: String) -> String {
        if let (base, _) = split(type, after: "application/vnd.kitops.modelkit.") { return base }
        switch split(type, after: "application/vnd.cncf.model.")?.base {
        case "weight": return "model"
        case "weight.config": return "modelpart"
        case "doc": return "docs"
        case let other: return other ?? ""
        }
    }

    private static func docker(_ type: String) -> ForeignLayerType? {
        guard type.utf8.starts(with: "application/vnd.docker.ai.".utf8) else { return modelPack(type) }
        switch type.dropFirst("application/vnd.docker.ai.".count) {
        case "vllm.config.tar", "dir.tar": return .tar
        case "gguf.v3", "safetensors", "dduf", "model.file", "license", "chat.template.jinja", "mmproj": return .raw
        default: return nil
        }
    }

    private static func image(_ type: String) -> ForeignLayerType? {
        let types = [
            "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar.zstd",
        ]
        return types.contains(type) ? .imageLayer : nil
    }
}
