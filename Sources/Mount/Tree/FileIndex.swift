internal import Model
internal import Transfer

/// The files of a manifest, sorted by path, in a tenth of a manifest's memory: a model may have a million of them. A folder is
/// a run of files, because the bytes of their paths begin alike.
final class FileIndex: Sendable {
    private let paths: [UInt8]
    /// Where the path of each file ends.
    private let ends: [UInt32]
    private let sizes: [UInt64]
    private let layers: [Layer]
    /// Where the layers of each file end.
    private let layerEnds: [UInt32]

    convenience init(_ manifest: Manifest) {
        self.init(
            manifest.files.lazy.map { file in
                (file.path, file.size, file.segments.lazy.map(\.layer).filter { $0.size > 0 })
            })
    }

    /// Files without layers, whose bytes are downloaded when they are read.
    convenience init(_ model: LazyModel) { self.init(model.files.lazy.map { ($0.path, $0.size, [Layer]()) }) }

    /// In the order of their paths.
    private init<Layers: Sequence<Layer>>(_ files: some Collection<(FilePath, UInt64, Layers)>) {
        var (paths, ends, sizes): ([UInt8], [UInt32], [UInt64]) = ([], [], [])
        var (layers, layerEnds): ([Layer], [UInt32]) = ([], [])
        ends.reserveCapacity(files.count)
        sizes.reserveCapacity(files.count)
        layerEnds.reserveCapacity(files.count)
        for (path, size, own) in files {
            paths += path.string.utf8
            ends.append(UInt32(truncatingIfNeeded: paths.count))
            sizes.append(size)
            layers += own
            layerEnds.append(UInt32(truncatingIfNeeded: layers.count))
        }
        (self.paths, self.ends, self.sizes) = (paths, ends, sizes)
        (self.layers, self.layerEnds) = (layers, layerEnds)
    }

    var count: Int { ends.count }

    /// In bytes.
    var cost: Int { paths.count + 12 * ends.count + 4 * layerEnds.count + MemoryLayout<Layer>.stride * layers.count }

    func size(of file: Int) -> UInt64 { sizes[file] }

    func layers(of file: Int) -> ArraySlice<Layer> {
        layers[Int(file > 0 ? layerEnds[file - 1] : 0)..<Int(layerEnds[file])]
    }

    func path(of file: Int) -> ArraySlice<UInt8> { paths[Int(file > 0 ? ends[file - 1] : 0)..<Int(ends[file])] }

    /// A file or a folder.
    enum Entry: Hashable {
        case file(Int)
        /// Its first file, and the bytes of its path with the slash.
        case folder(first: Int, length: Int)
    }

    static let top = Entry.folder(first: 0, length: 0)

    /// What has that name in a folder.
    func entry(_ name: String, in folder: Entry) -> Entry? {
        guard case .folder(let first, let length) = folder, first < count else { return nil }
        let wanted = path(of: first).prefix(length) + name.utf8
        let place = index(from: first) { !FileIndex.precedes(self.path(of: $0), wanted) }
        if place < count, path(of: place).elementsEqual(wanted) { return .file(place) }
        let inside = wanted + [FileIndex.slash]
        let next = index(from: place) { !FileIndex.precedes(self.path(of: $0), inside) }
        guard next < count, path(of: next).starts(with: inside) else { return nil }
        return .folder(first: next, length: inside.count)
    }

    /// All in a folder, sorted by the bytes of their paths.
    func entries(of folder: Entry) -> [(name: String, entry: Entry)] {
        guard case .folder(let first, let length) = folder, first < count else { return [] }
        let prefix = path(of: first).prefix(length)
        var found: [(name: String, entry: Entry)] = []
        var place = first
        while place < count {
            let path = path(of: place)
            guard path.starts(with: prefix) else { break }
            let rest = path.dropFirst(length)
            guard let slash = rest.firstIndex(of: FileIndex.slash) else {
                found.append((String(decoding: rest, as: UTF8.self), .file(place)))
                place += 1
                continue
            }
            let inside = path[...slash]
            found.append(
                (String(decoding: rest[..<slash], as: UTF8.self), .folder(first: place, length: inside.count)))
            place = index(from: place) { !self.path(of: $0).starts(with: inside) }
        }
        return found
    }

    /// The first file from there on that fits, where all after it fit too.
    private func index(from start: Int, where fits: (Int) -> Bool) -> Int {
        var (low, high) = (start, count)
        while low < high {
            let middle = low + (high - low) / 2
            if fits(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        left.lexicographicallyPrecedes(right)
    }

    private static let slash = UInt8(ascii: "/")
}
