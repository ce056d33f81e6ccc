/// What a manifest says beside its descriptors: annotations of its layers, and platforms of the manifests that it lists. Only
/// what cake reads is kept.
struct ManifestNotes: Sendable {
    struct Platform: Hashable, Sendable {
        var os = ""
        var architecture = ""
    }

    /// By layer.
    private(set) var paths: [String?] = []
    /// By listed manifest; nil for one that says nothing.
    private(set) var platforms: [Platform?] = []
    /// KitOps' file, as JSON.
    private(set) var kitfile: String?

    private static let pathKeys = [
        "org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title",
    ]

    /// The text was read as a manifest before.
    init(parsing bytes: Span<UInt8>) throws(CakeError) {
        var scanner = JSONScanner()
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "layers", "blobs":
                try ManifestNotes.each(&scanner, in: bytes) { scanner throws(CakeError) in
                    paths.append(try ManifestNotes.path(&scanner, in: bytes))
                }
            case "manifests":
                try ManifestNotes.each(&scanner, in: bytes) { scanner throws(CakeError) in
                    platforms.append(try ManifestNotes.platform(&scanner, in: bytes))
                }
            case "annotations":
                kitfile = try ManifestNotes.texts(["ml.kitops.modelkit.kitfile"], &scanner, in: bytes).first ?? nil
            default: try scanner.skipValue(in: bytes)
            }
        }
        try scanner.finish(in: bytes)
    }

    private static func each(
        _ scanner: inout JSONScanner, in bytes: Span<UInt8>, _ body: (inout JSONScanner) throws(CakeError) -> Void
    ) throws(CakeError) {
        guard try scanner.kind(in: bytes) == .array else { return try scanner.skipValue(in: bytes) }
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) { try body(&scanner) }
    }

    /// The first key that is there gives it.
    private static func path(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> String? {
        var found: [String?]?
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            guard key == "annotations" else {
                try scanner.skipValue(in: bytes)
                continue
            }
            guard found == nil else {
                throw CakeError(.damaged, "the registry's manifest gives a layer annotations twice")
            }
            found = try texts(pathKeys, &scanner, in: bytes)
        }
        return found?.compactMap(\.self).first
    }

    /// Of these keys. Readers disagree on which of two equal keys counts.
    private static func texts(
        _ keys: [String], _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> [String?] {
        var found = [String?](repeating: nil, count: keys.count)
        guard try scanner.kind(in: bytes) == .object else {
            try scanner.skipValue(in: bytes)
            return found
        }
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            guard let place = keys.firstIndex(of: key) else {
                try scanner.skipValue(in: bytes)
                continue
            }
            guard found[place] == nil else {
                throw CakeError(.damaged, "the registry's manifest gives the annotation \(key) twice")
            }
            guard try scanner.kind(in: bytes) == .string else {
                throw CakeError(.damaged, "the registry's manifest has an annotation \(key) that is no text")
            }
            found[place] = try scanner.string(in: bytes)
        }
        return found
    }

    private static func platform(
        _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> Platform? {
        var platform: Platform?
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            guard key == "platform", try scanner.kind(in: bytes) == .object else {
                try scanner.skipValue(in: bytes)
                continue
            }
            let found = try texts(["os", "architecture"], &scanner, in: bytes)
            platform = Platform(os: found[0] ?? "", architecture: found[1] ?? "")
        }
        return platform
    }
}
