internal import CCake
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A model that a caller has opened. Its layers stay in the store until it is closed.
final class OpenModel: Handle {
    static let what = "model"

    let store: LocalStore
    let named: LocalStore.Named
    let manifest: Manifest
    let reader: LayerReader
    let process = Machine.process
    private let held: Operation?
    /// Nil until they are asked for: of a GGUF file its header has to be read.
    private let known = Mutex<Tensors?>(nil)

    private struct Tensors {
        let all: [StoredTensor]
        let extents: [Extents]
    }

    init(_ name: String, in opened: OpenStore) throws(CakeError) {
        store = opened.store
        named = try opened.find(name)
        held = try opened.hold(named.record.manifest)
        manifest = try store.manifest(named.record.manifest)
        reader = LayerReader(store)
    }

    private func found() throws(CakeError) -> Tensors {
        try known.withLock { known throws(CakeError) in
            if let known { return known }
            let extents = manifest.files.map(\.extents)
            var all: [StoredTensor] = []
            for (number, file) in manifest.files.enumerated() {
                all += try StoredTensor.all(of: file, number, extents[number], in: store)
            }
            let tensors = Tensors(all: all, extents: extents)
            known = tensors
            return tensors
        }
    }

    func tensors() throws(CakeError) -> [StoredTensor] { try found().all }

    /// Reads parts of tensors.
    func read(_ wanted: [WantedBytes], _ terms: ReadTerms) throws(Refusal) {
        let known = try refusing { () throws(CakeError) in try found() }
        var parts: [BatchRead.Part] = []
        /// Which of the wanted bytes each part belongs to.
        var owners: [Int] = []
        for (number, one) in wanted.enumerated() {
            guard let index = Int(exactly: one.tensor), index < known.all.count else {
                throw Refusal(
                    CAKE_NOT_FOUND, "\(named.name) has no tensor \(one.tensor)",
                    fix: "use a number below \(known.all.count): cake_model_describe lists the tensors")
            }
            let tensor = known.all[index]
            let bytes = try range(one.offset, one.room.count, in: tensor.bytes.length, "tensor \(tensor.printable)")
            guard !bytes.isEmpty else { continue }
            if let layer = tensor.layer {
                parts.append(BatchRead.Part(bytes, of: layer, into: one.room))
            } else {
                let start = tensor.bytes.lowerBound
                parts += self.parts(
                    of: tensor.file, bytes.lowerBound + start..<bytes.upperBound + start, known.extents[tensor.file],
                    into: one.room)
            }
            while owners.count < parts.count { owners.append(number) }
        }
        try run(parts, terms) { part in
            let tensor = known.all[Int(wanted[owners[part]].tensor)]
            return "tensor \(tensor.printable)"
        }
    }

    /// Reads bytes of a file.
    func read(_ path: String, from offset: UInt64, into room: LentMemory, _ terms: ReadTerms) throws(Refusal) {
        let wanted = ExactText(path)
        guard let number = manifest.files.firstIndex(where: { $0.path.text == wanted }) else { throw noFile(path) }
        let file = manifest.files[number]
        let bytes = try range(offset, room.count, in: file.size, "file \(file.path)")
        guard !bytes.isEmpty else { return }
        let parts = parts(of: number, bytes, file.extents, into: room)
        try run(parts, terms) { _ in "file \(file.path)" }
    }

    private func noFile(_ path: String) -> Refusal {
        let shown = Printable.escape(path)
        if named.record.missingFiles?.paths.contains(where: { ExactText($0) == ExactText(path) }) == true {
            return Refusal(
                CAKE_MISSING, "\(shown) of \(named.name) was not pulled", fix: "cake pull \(named.name) downloads it")
        }
        return Refusal(
            CAKE_NOT_FOUND, "\(named.name) has no file \(shown)", fix: "cake inspect \(named.name) lists its files")
    }

    private func range(
        _ offset: UInt64, _ count: Int, in size: UInt64, _ what: String
    ) throws(Refusal) -> Range<UInt64> {
        guard offset <= size, UInt64(count) <= size - offset else {
            throw .invalid("\(count) bytes from \(offset) on reach behind the \(size) bytes of \(what)")
        }
        return offset..<offset + UInt64(count)
    }

    private func parts(
        of file: Int, _ bytes: Range<UInt64>, _ extents: Extents, into room: LentMemory
    ) -> [BatchRead.Part] {
        var done = 0
        return extents.parts(of: bytes).map { part in
            defer { done += Int(part.bytes.length) }
            return BatchRead.Part(
                part.bytes, of: manifest.files[file].segments[part.index].layer,
                into: room[done..<done + Int(part.bytes.length)])
        }
    }

    private func run(
        _ parts: [BatchRead.Part], _ terms: ReadTerms, naming what: (Int) -> String
    ) throws(Refusal) {
        let batch = BatchRead(parts, by: reader, comparingDigests: terms.comparesDigests, until: terms.cancel)
        do {
            try batch(threads: terms.threads)
        } catch {
            switch error {
            case .cancelled: throw Refusal(CAKE_CANCELLED, "the read was cancelled")
            case .unreadable(let part, let error): throw refusal(error, parts[part].layer, what(part))
            }
        }
    }

    /// Why bytes of a layer cannot be read.
    private func refusal(_ error: CakeError, _ layer: Layer, _ what: String) -> Refusal {
        let known = Refusal(error)
        let text = "cannot read \(what) of \(named.name): \(error.what)"
        let repair = "cake verify \(named.name) --repair, or pull or import the model again"
        guard error.kind == .notFound else { return Refusal(known.kind, text, fix: error.fix ?? repair) }
        // An object that is not valid is not found either.
        guard (try? store.hasObjects(of: layer)) == true else { return Refusal(CAKE_MISSING, text, fix: repair) }
        return Refusal(
            CAKE_DAMAGED, "cannot read \(what) of \(named.name): an object of layer \(layer.digest.short) is not valid",
            fix: repair)
    }
}

/// Bytes of a tensor that a caller wants, and where they go.
struct WantedBytes: Sendable {
    let tensor: UInt64
    let offset: UInt64
    let room: LentMemory
}

/// How a caller wants to read.
struct ReadTerms: Sendable {
    let threads: Int
    let comparesDigests: Bool
    let cancel: CancelFlag

    /// More of them take more memory than a caller expects.
    private static let usualMost = 16
    private static let most = 256

    init(threads: UInt32, flags: UInt32, cancel: CancelFlag) throws(Refusal) {
        guard flags & ~UInt32(CAKE_VERIFY) == 0 else { throw .invalid("flags \(flags) are not known") }
        self.threads =
            threads == 0 ? min(BlockingPool.processors, ReadTerms.usualMost) : min(Int(threads), ReadTerms.most)
        comparesDigests = flags & UInt32(CAKE_VERIFY) != 0
        self.cancel = cancel
    }
}
