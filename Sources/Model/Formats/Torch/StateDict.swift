/// Where the tensors of a state dict are: in storages, each a member of the archive, which tensors may share.
struct StateDict {
    struct Storage {
        let element: TorchTensor.Element
        let elementSize: UInt64
        var size: UInt64 = 0
        var runs: [ZipLayout.Run] = []
    }

    private struct Place {
        let storage: Int
        /// In bytes.
        let offset: UInt64
    }

    private struct Content: Hashable {
        let layer: Digest
        let element: TorchTensor.Element
    }

    /// Tensors begin on pages and can therefore be mapped.
    static let alignment: UInt64 = 4096

    private(set) var storages: [Storage] = []
    private var tensors: [(name: ExactText, form: TorchTensor, place: Place)] = []

    /// `isJoined`: all tensors of a dtype in one storage. Layers in `tied` that come again share their first place.
    init(_ weights: Weights, isJoined: Bool, tied: Set<Digest>) throws(CakeError) {
        var places: [Content: Place] = [:]
        var joined: [TorchTensor.Element: Int] = [:]
        for entry in weights.entries {
            let form = try TorchTensor(entry.tensor)
            let content = Content(layer: entry.layer.digest, element: form.element)
            let isTied = entry.layer.size > 0 && tied.contains(entry.layer.digest)
            let place: Place
            if isTied, let first = places[content] {
                place = first
            } else {
                var index = isJoined ? joined[form.element] : nil
                if index == nil {
                    storages.append(Storage(element: form.element, elementSize: form.elementSize))
                    index = storages.count - 1
                    if isJoined { joined[form.element] = index }
                }
                place = try put(entry.layer, in: index ?? 0)
                places[content] = place
            }
            tensors.append((entry.tensor.name, form, place))
        }
    }

    /// Each tensor in a storage of its own, before its bytes are known.
    init(_ tensors: [Tensor]) throws(CakeError) {
        for tensor in tensors {
            let form = try TorchTensor(tensor)
            self.tensors.append((tensor.name, form, Place(storage: storages.count, offset: 0)))
            storages.append(
                Storage(element: form.element, elementSize: form.elementSize, size: tensor.byteCount ?? 0))
        }
    }

    private mutating func put(_ layer: Layer, in index: Int) throws(CakeError) -> Place {
        guard layer.size > 0 else { return Place(storage: index, offset: 0) }
        let (padded, isOver) = storages[index].size.addingReportingOverflow(StateDict.alignment - 1)
        let start = padded & ~(StateDict.alignment - 1)
        let (end, overflow) = start.addingReportingOverflow(layer.size)
        guard !isOver, !overflow else { throw CakeError(.failed, "the tensors are larger than 2^64 bytes") }
        storages[index].runs.append(ZipLayout.Run(layer: layer, offset: start))
        storages[index].size = end
        return Place(storage: index, offset: start)
    }

    func pickle() throws(CakeError) -> [UInt8] {
        var uses = [Int](repeating: 0, count: storages.count)
        for tensor in tensors { uses[tensor.place.storage] += 1 }
        var writer = Writer(storages: storages, uses: uses)
        writer.pickle.emptyDictionary()
        if !tensors.isEmpty {
            writer.pickle.mark()
            for tensor in tensors {
                try writer.pickle.text(tensor.name.string)
                try writer.append(tensor.form, at: tensor.place)
            }
            writer.pickle.setItems()
        }
        writer.pickle.stop()
        return writer.pickle.bytes
    }

    /// Writes values that occur often once.
    private struct Writer {
        private let storages: [Storage]
        /// How many tensors each storage has.
        private let uses: [Int]
        var pickle = Pickle()
        private var globals: [String: Pickle.Memo] = [:]
        private var texts: [String: Pickle.Memo] = [:]
        private var tuples: [[UInt64]: Pickle.Memo] = [:]
        private var loaded: [Int: Pickle.Memo] = [:]

        init(storages: [Storage], uses: [Int]) {
            self.storages = storages
            self.uses = uses
        }

        /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`; v3 also gets a dtype.
        mutating func append(_ form: TorchTensor, at place: Place) throws(CakeError) {
            switch form.element {
            case .storage: global("torch._utils", "_rebuild_tensor_v2")
            case .dtype: global("torch._utils", "_rebuild_tensor_v3")
            }
            pickle.mark()
            try storage(place.storage)
            try pickle.number(place.offset / form.elementSize)
            try tuple(form.shape)
            try tuple(form.strides)
            pickle.no()
            pickle.none()
            if case .dtype(let name) = form.element { global("torch", name) }
            pickle.tuple()
            pickle.call()
        }

        private mutating func storage(_ index: Int) throws(CakeError) {
            if let memo = loaded[index] { return pickle.use(memo) }
            let storage = storages[index]
            pickle.mark()
            try text("storage")
            var count = storage.size
            switch storage.element {
            case .storage(let name):
                global("torch", name)
                count /= storage.elementSize
            case .dtype: global("torch.storage", "UntypedStorage")
            }
            try pickle.text(String(index))
            try text("cpu")
            try pickle.number(count)
            pickle.tuple()
            pickle.persistent()
            // Every instruction counts: torch takes them one by one, in Python.
            if uses[index] > 1 { loaded[index] = pickle.keep() }
        }

        private mutating func global(_ module: String, _ name: String) {
            let path = module + "." + name
            if let memo = globals[path] { return pickle.use(memo) }
            pickle.global(module, name)
            globals[path] = pickle.keep()
        }

        private mutating func text(_ text: String) throws(CakeError) {
            if let memo = texts[text] { return pickle.use(memo) }
            try pickle.text(text)
            texts[text] = pickle.keep()
        }

        private mutating func tuple(_ numbers: [UInt64]) throws(CakeError) {
            if let memo = tuples[numbers] { return pickle.use(memo) }
            try pickle.tuple(of: numbers)
            tuples[numbers] = pickle.keep()
        }
    }
}
