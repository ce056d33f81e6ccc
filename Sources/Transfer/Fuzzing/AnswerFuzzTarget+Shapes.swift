internal import Model
internal import Platform

extension AnswerFuzzTarget {
    /// What a scanner says, whatever the pieces of its input.
    private struct Scan: Equatable {
        var entries: [TarScanner.Entry] = []
        var bytes: [UInt64] = []
        var isWhole = false

        init(_ input: Span<UInt8>, step: Int) {
            var scanner = TarScanner()
            var start = 0
            do throws(CakeError) {
                while start < input.count {
                    let end = start + min(step, input.count - start)
                    var position = 0
                    while let event = try scanner.next(in: input.extracting(start..<end), from: &position) {
                        switch event {
                        case .entry(let entry):
                            entries.append(entry)
                            bytes.append(0)
                        case .bytes(let range): bytes[bytes.count - 1] += UInt64(range.count)
                        case .endOfFile:
                            precondition(bytes.last == entries.last?.size, "a file of another size than its header's")
                        }
                    }
                    start = end
                }
                try scanner.finish()
                isWhole = true
            } catch {}
        }
    }

    static func readTar(_ input: Span<UInt8>) {
        let whole = Scan(input, step: .max)
        precondition(whole == Scan(input, step: 500), "an archive that reads otherwise in pieces")
        _ = whole.entries.reduce(0) { $0 + Int($1.size) }
        var contents: [ForeignLayer.Content] = [.imageLayer, .tar(in: nil)]
        if let folder = try? FilePath("a/b") { contents.append(.tar(in: folder)) }
        for content in contents {
            var overlay = Overlay<Int>()
            let places = whole.entries.compactMap { try? ArchivePlace($0, in: content) }
            for _ in 0..<2 { overlay.add(places.enumerated().map { ($1, $0) }) }
            let key = ArchiveContents.Key(ForeignLayer(digest: .empty, size: 1, content: content))
            let found = ArchiveContents(key, places.map { .init($0, digest: .empty, size: 3) })
            var text: [UInt8] = []
            found.append(to: &text)
            precondition(ArchiveContents.all(in: text.span)?.first?.entries.count == found.entries.count)
        }
    }

    /// No more than this of what it decodes to.
    private static let mostDecoded = 4 << 20

    static func readLayer(_ input: Span<UInt8>) {
        let (decoder, room) = (StreamDecoder(), Chunk(capacity: 64 << 10))
        var (position, decoded) = (0, 0)
        var scanner = TarScanner()
        func scan() throws(CakeError) {
            try room.withBytes { bytes throws(CakeError) in
                var position = 0
                while try scanner.next(in: bytes, from: &position) != nil {}
            }
        }
        do throws(CakeError) {
            while decoded < mostDecoded, try decoder.decode(input, from: &position, into: room) {
                decoded += room.count
                try scan()
            }
            try decoder.finish(into: room)
            try scan()
            try scanner.finish()
        } catch {}
    }

    static func readShape(_ input: Span<UInt8>) {
        guard input.count >= 4 else { return }
        let length = (0..<4).reduce(0) { $0 | Int(input[$1]) << (8 * $1) }
        guard length <= input.count - 4 else { return }
        let text = input.extracting(4..<4 + length)
        guard let manifest = try? RegistryManifest(parsing: text) else { return }
        if let index = try? ForeignIndex(manifest, in: text) {
            for architecture in ["amd64", "arm64"] { _ = try? index.chosen(for: architecture) }
        }
        guard let shape = (try? ForeignModel.shape(of: manifest)) ?? nil,
            let model = try? ForeignModel(
                manifest, of: shape, in: text, config: input.extracting(4 + length..<input.count))
        else { return }
        _ = Int(model.size)
        precondition(model.files.count + model.archives.count == model.layers.count)
        precondition(Set(model.files.map(\.path)).count == model.files.count, "two files of one path")
        precondition(model.archives.allSatisfy { shape == .image || $0.content != .imageLayer })
    }
}
