/// What a layer with a tar archive had in it for the model, once all of it was read and matched its digest: it need not be
/// downloaded again while its files are here.
public struct ArchiveContents: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let place: ArchivePlace
        /// Of a file.
        public let digest: Digest?
        public let size: UInt64

        public init(_ place: ArchivePlace, digest: Digest? = nil, size: UInt64 = 0) {
            (self.place, self.digest, self.size) = (place, digest, size)
        }
    }

    /// The same bytes may be read in two ways.
    public struct Key: Hashable, Sendable {
        public let layer: Digest
        public let content: ForeignLayer.Content

        public init(_ layer: ForeignLayer) { (self.layer, content) = (layer.digest, layer.content) }

        fileprivate init(layer: Digest, content: ForeignLayer.Content) { (self.layer, self.content) = (layer, content) }
    }

    public let key: Key
    public let entries: [Entry]

    public init(_ key: Key, _ entries: [Entry]) {
        self.key = key
        // Those outside of the model say nothing.
        self.entries = entries.filter { $0.place != .outside }
    }

    // As text: a line `layer DIGEST image` or `layer DIGEST tar FOLDER`, then a line for each entry.

    public func append(to bytes: inout [UInt8]) {
        bytes += Array("layer \(key.layer.hex) ".utf8)
        switch key.content {
        case .tar(let folder):
            bytes += Array("tar ".utf8)
            Escaped.append(folder?.string ?? "", to: &bytes)
        case .imageLayer, .file: bytes += Array("image ".utf8)
        }
        bytes.append(lineFeed)
        for entry in entries {
            var path: FilePath?
            switch entry.place {
            case .file(let found):
                bytes += Array("file \((entry.digest ?? .empty).hex) \(entry.size) ".utf8)
                path = found
            case .folder(let found):
                bytes += Array("folder ".utf8)
                path = found
            case .removed(let found):
                bytes += Array("removed ".utf8)
                path = found
            case .emptied(let found):
                bytes += Array("emptied ".utf8)
                path = found
            case .outside: continue
            }
            Escaped.append(path?.string ?? "", to: &bytes)
            bytes.append(lineFeed)
        }
    }

    /// Nil for text of another form.
    public static func all(in bytes: Span<UInt8>) -> [ArchiveContents]? {
        var found: [ArchiveContents] = []
        var (key, entries) = (Key?.none, [Entry]())
        func end() { if let key { found.append(ArchiveContents(key, entries)) } }
        var lines = Lines()
        while var line = lines.next(in: bytes) {
            guard let word = line.word(in: bytes) else { return nil }
            if word == "layer" {
                end()
                guard let digest = line.digest(in: bytes), let kind = line.word(in: bytes),
                    let folder = line.escaped(in: bytes), folder.isEmpty || (try? FilePath(folder)) != nil
                else { return nil }
                let content: ForeignLayer.Content =
                    kind == "image" ? .imageLayer : .tar(in: try? FilePath(folder))
                (key, entries) = (Key(layer: digest, content: content), [])
                continue
            }
            guard key != nil, let entry = Entry(word, &line, in: bytes) else { return nil }
            entries.append(entry)
        }
        end()
        return lines.isAtEnd(of: bytes) ? found : nil
    }
}

extension ArchiveContents.Entry {
    fileprivate init?(_ word: String, _ line: inout Words, in bytes: Span<UInt8>) {
        var (digest, size) = (Digest?.none, UInt64(0))
        if word == "file" {
            guard let named = line.digest(in: bytes), let count = line.number(in: bytes), count <= ByteCount.maximum
            else { return nil }
            (digest, size) = (named, count)
        }
        guard let text = line.escaped(in: bytes) else { return nil }
        let path = text.isEmpty ? nil : try? FilePath(text)
        guard text.isEmpty || path != nil else { return nil }
        switch word {
        case "file":
            guard let path else { return nil }
            self.init(.file(path), digest: digest, size: size)
        case "folder": self.init(.folder(path))
        case "removed": self.init(.removed(path))
        case "emptied": self.init(.emptied(path))
        default: return nil
        }
    }
}
