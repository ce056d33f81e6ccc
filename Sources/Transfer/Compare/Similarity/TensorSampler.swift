public import Model
internal import Platform
public import Remote
public import Store

/// Short runs of a model's tensors, wherever the model is, and where Xet keeps them as far as that is known.
public struct TensorSampler: Sendable {
    private let reader: TensorReader?
    /// Of layers that are in the store.
    private let coordinates: [Digest: [XetCoordinates]]
    private let remote: Remote?

    private struct Remote: Sendable {
        let files: [FilePath: (file: HubFile, starts: [ExactText: UInt64])]
        let terms: XetTerms?

        func file(of place: Difference.Place) -> (HubFile, UInt64)? {
            guard let (file, starts) = files[place.file], let start = starts[place.tensor.name] else { return nil }
            return (file, start)
        }
    }

    /// A model in the store.
    public init(_ store: LocalStore, _ manifest: Digest) {
        reader = TensorReader(store)
        remote = nil
        var found: [Digest: [XetCoordinates]] = [:]
        for entry in store.coordinates(of: manifest)?.entries ?? [] {
            found[entry.layer.digest, default: []].append(entry.coordinates)
        }
        coordinates = found
    }

    public init(_ model: LocalModel) throws(CakeError) {
        reader = try TensorReader(model)
        (remote, coordinates) = (nil, [:])
    }

    public init(_ archive: ArchiveFile) {
        reader = TensorReader(archive)
        (remote, coordinates) = (nil, [:])
    }

    /// A model on a Hub; its layers in the store are read there.
    public init(_ model: RemoteModel, from source: HubSource, store: LocalStore?, usingXet usesXet: Bool) {
        reader = store.map { TensorReader($0) }
        coordinates = [:]
        var files: [FilePath: (file: HubFile, starts: [ExactText: UInt64])] = [:]
        for file in model.files {
            var starts: [ExactText: UInt64] = [:]
            for cut in file.cuts { if let tensor = cut.tensor { starts[tensor.name] = cut.start } }
            files[file.listed.path] = (HubFile(file.listed, in: model.snapshot, from: source), starts)
        }
        remote = Remote(files: files, terms: usesXet ? XetTerms(XetSource(source), of: model.snapshot) : nil)
    }

    /// Bytes of a tensor, counted from its beginning; nil when they are nowhere to be had.
    func bytes(_ range: Range<UInt64>, of place: Difference.Place) async throws -> [UInt8]? {
        if let remote, place.layer == nil {
            guard let (file, start) = remote.file(of: place) else { return nil }
            return try await file.bytes(start + range.lowerBound..<start + range.upperBound)
        }
        guard let reader else { return nil }
        var bytes: [UInt8] = []
        var position = range.lowerBound
        while position < range.upperBound {
            let piece = try reader.piece(Int(position / UInt64(LayerReader.pieceSize)), of: place)
            defer { reader.giveBack(piece) }
            let first = Int(position % UInt64(LayerReader.pieceSize))
            let count = min(piece.count - first, Int(range.upperBound - position))
            guard count > 0 else { return nil }
            piece.withBytes { all in
                let part = all.extracting(first..<first + count)
                for index in part.indices { bytes.append(part[index]) }
            }
            position += UInt64(count)
        }
        return bytes
    }

    func coordinates(of place: Difference.Place) async -> [XetCoordinates] {
        if let layer = place.layer, let found = coordinates[layer.digest] { return found }
        guard let (file, start) = remote?.file(of: place), let terms = await remote?.terms?.terms(of: file.listed),
            let found = terms.coordinates(of: start..<start + place.size)
        else { return [] }
        return [found]
    }
}
