extension HubInfo {
    private init() {}

    static func read(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> HubInfo {
        var info = HubInfo()
        var seen: Set<ExactText> = []
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            // Readers disagree on which of two counts.
            guard seen.insert(ExactText(key)).inserted else {
                throw CakeError(.damaged, "\"\(Printable.escape(key))\" is given twice")
            }
            switch key {
            case "id": info.id = try HubRepository(try scanner.string(in: bytes)).id
            case "sha": info.commit = try commit(&scanner, in: bytes)
            case "private": info.isPrivate = try scanner.optionalBool(in: bytes) ?? false
            case "disabled": info.isDisabled = try scanner.optionalBool(in: bytes) ?? false
            case "gated": info.gate = try gate(&scanner, in: bytes)
            case "siblings": info.paths = try paths(&scanner, in: bytes)
            case "cardData": try info.readCard(&scanner, in: bytes)
            case "safetensors": try info.readParameters(&scanner, in: bytes)
            case "pipeline_tag": info.task = try scanner.optionalString(in: bytes)
            case "library_name": info.library = try scanner.optionalString(in: bytes)
            case "lastModified": info.modified = try scanner.optionalString(in: bytes)
            case "downloads": info.downloads = try scanner.optionalWholeNumber(in: bytes)
            case "likes": info.likes = try scanner.optionalWholeNumber(in: bytes)
            default: try scanner.skipValue(in: bytes)
            }
        }
        guard !info.id.isEmpty else { throw CakeError(.damaged, "it has no id") }
        return info
    }

    /// Some answers have `null` where nothing was ever committed.
    private static func commit(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> String? {
        guard let text = try scanner.optionalString(in: bytes) else { return nil }
        guard Revision.isCommit(text) else {
            throw CakeError(.damaged, "\"\(Printable.escape(String(text.prefix(80))))\" is not a commit")
        }
        return text
    }

    private static func gate(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> Gate {
        if try scanner.kind(in: bytes) == .bool { return try scanner.bool(in: bytes) ? .automatic : .open }
        guard let word = try scanner.optionalString(in: bytes) else { return .open }
        return Gate(rawValue: word) ?? .manual
    }

    private static func paths(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> [FilePath] {
        var paths: [FilePath] = []
        guard try scanner.opensArray(in: bytes) else { return [] }
        while try scanner.nextElement(in: bytes) {
            guard paths.count < HubTree.maximumEntries else { throw HubTree.tooMany }
            try scanner.beginObject(in: bytes)
            while let key = try scanner.key(in: bytes) {
                if key == "rfilename" {
                    paths.append(try FilePath(try scanner.string(in: bytes)))
                } else {
                    try scanner.skipValue(in: bytes)
                }
            }
        }
        return paths
    }

    /// The card of the model's own page. People wrote it: odd values are skipped.
    private mutating func readCard(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard try scanner.opensObject(in: bytes) else { return }
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "base_model", "base_models": baseModels += try scanner.strings(in: bytes, limit: 64)
            case "license": license = try scanner.strings(in: bytes, limit: 1).first
            default: try scanner.skipValue(in: bytes)
            }
        }
    }

    private mutating func readParameters(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard try scanner.opensObject(in: bytes) else { return }
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "total": parametersTotal = try scanner.optionalWholeNumber(in: bytes)
            case "parameters":
                guard try scanner.opensObject(in: bytes) else { continue }
                while let dtype = try scanner.key(in: bytes) {
                    guard let count = try scanner.optionalWholeNumber(in: bytes), parameters.count < 64 else {
                        continue
                    }
                    parameters[dtype] = count
                }
            default: try scanner.skipValue(in: bytes)
            }
        }
    }
}
