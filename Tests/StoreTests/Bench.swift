import Model
import Platform
import Support

@testable import Store

/// A new store, and models beside it to import.
struct Bench {
    let scratch: Scratch
    let shelf: Shelf

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
    }

    var root: String { scratch["store"] }

    /// Another view of the same store, as another process has it.
    func other() throws -> Shelf { try Shelf(at: root) }

    /// Writes the files to a folder and brings it in under a name.
    @discardableResult
    func bring(_ files: ModelMaker.Files, as name: String, into other: Shelf? = nil) async throws -> Digest {
        try await (other ?? shelf).bring(folder(files, name), as: name)
    }

    @discardableResult
    func folder(_ files: ModelMaker.Files, _ name: String) throws -> String {
        let folder = scratch["folder-" + name]
        if try !Disk.exists(folder) { try ModelMaker.write(files, to: folder) }
        return folder
    }

    /// The only entry of one of the store's folders.
    func only(_ folder: String) throws -> String {
        let names = try shelf.entries(folder)
        guard names.count == 1 else { throw CakeError(.failed, "\(folder) holds \(names)") }
        return root + "/" + folder + "/" + names[0]
    }

    /// The layer of a tensor.
    func layer(_ tensor: String, of model: String) throws -> Layer {
        let manifest = try shelf.store.manifest(shelf.store.find(model).record.manifest)
        guard let segment = manifest.segments.first(where: { $0.tensor?.name.string == tensor }) else {
            throw CakeError(.notFound, "no tensor \(tensor)")
        }
        return segment.layer
    }

    /// Reads texts as small layers of an operation that has not published them yet. `bases` are what each is offered.
    func stage(
        _ texts: [[UInt8]], dtype: DType? = nil, base: Layer? = nil, bases: [[Layer]] = [], in operation: Operation
    ) throws -> [Layer] {
        let path = scratch["staged-\(UInt64.random(in: 0 ... .max))"]
        let file = try File(path, .create)
        let bytes = texts.flatMap { $0 }
        try file.write(bytes.span, at: 0)
        let plain = PlainBytes(file: file, start: 0, count: UInt64(bytes.count))
        let found = try operation.store.readSmall(
            texts.map { .init(count: $0.count, kind: dtype.map { .init($0, []) }) }, of: plain, in: operation
        ) { index in bases.isEmpty ? base.map { [$0] } ?? [] : bases[index] }
        for small in found { try small.pack(in: operation) }
        return found.map(\.layer)
    }

    /// A model of one file for each layer.
    func name(_ layers: [Layer], _ name: String, in operation: Operation) throws {
        let files = try layers.enumerated().map { index, layer throws(CakeError) in
            try Manifest.File(
                path: FilePath("\(index).bin"), digest: layer.digest, size: layer.size,
                segments: [Manifest.Segment(layer: layer, tensor: nil)])
        }
        let digest = try operation.store.save(Manifest(files: files), in: operation)
        try operation.store.update(ModelName(name), in: operation) { _ in NameRecord(manifest: digest) }
    }

    /// Writes a layer of any size as an import does, published when the operation says so.
    func ingest(_ bytes: [UInt8], dtype: DType?, in operation: Operation) async throws -> Layer {
        if bytes.count < Int(LocalStore.smallLimit) { return try stage([bytes], dtype: dtype, in: operation)[0] }
        let path = scratch["large-\(UInt64.random(in: 0 ... .max))"]
        let file = try File(path, .create)
        try file.write(bytes.span, at: 0)
        let plain = PlainBytes(file: file, start: 0, count: UInt64(bytes.count))
        let reading = try operation.store.read(plain)
        if try operation.claim([reading.layer]) == [.needed] {
            try await operation.store.ingest(
                plain, reading, kind: dtype.map { .init($0, []) }, in: operation, progress: { _ in })
        }
        return reading.layer
    }
}
