internal import Model
internal import Platform
internal import Store

/// One load: what is known of its bundles so far.
struct LoadWork {
    private let request: Load
    private let operation: Operation
    private var store: LocalStore { request.store }
    private var progress: Progress { request.progress }
    private var report = Load.Report()
    /// Models that have no name yet.
    private var pending: [ModelName: BundledModel] = [:]
    private var named: [ModelName: Digest] = [:]
    private var seen: Set<Digest> = []

    init(_ request: Load, in operation: Operation) { (self.request, self.operation) = (request, operation) }

    /// The wanted members of one pack, in their order.
    struct PackWork: Sendable {
        let pack: PackIndex.Pack
        var members: [PackIndex.Member]
    }

    mutating func load(_ files: BundleFiles, _ index: BundleIndex) async throws {
        let head = try BundleHead(index, files.label, isPipe: false) { descriptor, limit throws(CakeError) in
            guard let bytes = try files.bytes(BundleIndex.path(of: descriptor.name), limit: limit) else { return nil }
            try BundleHead.check(bytes, descriptor, files.label)
            return bytes
        }
        let work = try begin(head)
        var places: [BundleFiles.Place?] = []
        for pack in work { places.append(try files.place(of: BlobName(pack.pack.digest))) }
        for model in head.models {
            for pack in model.index.packs {
                let name = BlobName(pack.digest)
                guard let place = try files.place(of: name) else {
                    if head.part == nil { throw BundleHead.missing(name, files.label) }
                    continue
                }
                guard place.size == pack.size else {
                    throw BundleHead.wrongSize(name, place.size, pack.size, files.label)
                }
            }
        }
        let found = places
        try await convert(work, head) { arrived in
            for (number, place) in found.enumerated() {
                guard let place else { continue }
                arrived.put(place.file, at: place.start, number)
                for member in work[number].members.indices { arrived.has(member, of: number) }
            }
        }
        for model in head.foreign {
            try refuseOther(model.name)
            let (loaded, brought) = try await request.load(model, from: files, in: operation)
            named[model.name] = loaded.manifest
            report.models.append(loaded)
            report.add(brought)
        }
    }

    /// Loads the next archive of a stream. False if there was none.
    mutating func load(_ stream: inout BundleStream) async throws -> Bool {
        let label = "the bundle"
        var reading = StreamHead(label)
        guard let (index, first) = try await reading.read(&stream) else { return false }
        let blobs = reading.blobs
        let head = try BundleHead(index, label, isPipe: true) { descriptor, limit throws(CakeError) in
            guard let bytes = blobs[descriptor.name] else { return nil }
            try BundleHead.check(bytes, descriptor, label)
            return bytes
        }
        let work = try begin(head)
        let numbers = Dictionary(uniqueKeysWithValues: work.enumerated().map { ($1.pack.digest, $0) })
        var sizes: [BlobName: UInt64] = [:]
        for pack in head.models.flatMap(\.index.packs) { sizes[BlobName(pack.digest)] = pack.size }
        let (operation, known) = (operation, sizes)
        let packs = StreamPacks(stream, next: first, sizes: known, label: label)
        try await convert(work, head) { arrived in
            try await packs.pass(to: arrived, in: operation) { name in
                guard let number = name.sha256.flatMap({ numbers[$0] }) else { return nil }
                return (number, work[number].members)
            }
        }
        if head.part == nil, let missing = sizes.keys.sorted().first(where: { !packs.seen.contains($0) }) {
            throw BundleHead.missing(missing, label)
        }
        stream = packs.stream
        return true
    }

    private func refuseOther(_ name: ModelName, than digest: Digest? = nil) throws(CakeError) {
        guard let other = pending[name]?.digest ?? named[name], other != digest else { return }
        throw CakeError(
            .failed, "two bundles have different models of the name \(name)", fix: "load the bundles one by one")
    }

    /// Claims the layers of a bundle's models, and says which members have to be stored.
    private mutating func begin(_ head: BundleHead) throws -> [PackWork] {
        for other in head.others where !report.others.contains(other) { report.others.append(other) }
        if let part = head.part {
            report.parts = max(report.parts ?? 0, part.count)
            report.partsRead.insert(part.number)
        }
        var wanted: [Digest: (pack: PackIndex.Pack, member: PackIndex.Member)] = [:]
        for model in head.models {
            try refuseOther(model.name, than: model.digest)
            let files = model.manifest.files.map { SnapshotFile(path: $0.path, size: $0.size, sha256: $0.digest) }
            try request.refuseTaken(model.name, by: files)
            try request.refuseUnsigned(
                model.name, files, by: model.signatures,
                known: store.foundSignatures(of: model.manifest, model.digest))
            guard named[model.name] == nil else { continue }
            pending[model.name] = model
            let layers = model.layers
            let needed = try operation.hold(model.needs.layers)
            if model.needs.layers.contains(where: { $0.size > 0 && !needed.contains($0.digest) }) { continue }
            let claims = try operation.claim(layers)
            for (layer, claim) in zip(layers, claims) {
                if case .here = claim {
                    if seen.insert(layer.digest).inserted {
                        report.layersHere += 1
                        report.bytesHere = report.bytesHere.clampedSum(layer.size)
                    }
                    continue
                }
                guard let member = model.index[layer.digest], wanted[layer.digest] == nil else { continue }
                wanted[layer.digest] = (model.index.packs[member.pack], member)
                guard let base = member.base, wanted[base] == nil, let other = model.index[base],
                    try operation.hold([other.layer]).isEmpty
                else { continue }
                wanted[base] = (model.index.packs[other.pack], other)
            }
        }
        let grouped = Dictionary(grouping: wanted.values, by: \.pack)
        let order = head.models.flatMap(\.index.packs)
        var work: [PackWork] = []
        var placed: Set<Digest> = []
        for pack in order where placed.insert(pack.digest).inserted {
            guard let members = grouped[pack]?.map(\.member) else { continue }
            work.append(PackWork(pack: pack, members: members.sorted { $0.offset < $1.offset }))
        }
        return work
    }

    /// Stores the members as `arrive` says that they can be read.
    private mutating func convert(
        _ work: [PackWork], _ head: BundleHead,
        arrive: @escaping @Sendable (ArrivedPacks) async throws -> Void
    ) async throws {
        guard !head.models.isEmpty else { return }
        let bytes = work.reduce(UInt64(0)) { $0 + $1.members.reduce(0) { $0 + $1.length } }
        progress.begin("loading \(head.models.count == 1 ? "\(head.models[0].name)" : "\(head.models.count) models")")
        progress.expect(bytes: bytes, items: UInt64(work.reduce(0) { $0 + $1.members.count }))
        try request.refuseIfTooSmall(for: bytes)
        let units = FinishedUnits()
        let arrived = ArrivedPacks(work.count, units)
        let intake = Intake(
            operation: operation, pool: store.pool, progress: progress, publishStep: request.options.publishStep)
        let given = ObjectsOfBundle(
            work, arrived, kinds: head.models.reduce(into: [:]) { $0.merge($1.manifest.kinds) { first, _ in first } },
            store: store, operation: operation, progress: progress)
        let count = work.reduce(0) { $0 + $1.members.count }
        let (stored, converter) = try await withThrowingTaskGroup(of: (UInt64, ObjectsOfBundle)?.self) { group in
            group.addTask(executorPreference: store.pool) {
                defer { units.end() }
                try await arrive(arrived)
                return nil
            }
            group.addTask {
                var converter = given
                var stored = try await intake.convert(units, count: count, by: &converter)
                stored += try intake.publish(by: &converter)
                return (stored, converter)
            }
            var result: (UInt64, ObjectsOfBundle)?
            do {
                for try await one in group { result = one ?? result }
            } catch {
                units.end()
                throw error
            }
            guard let result else { throw CancellationError() }
            return result
        }
        report.bytesStored += stored
        report.layersStored += converter.layers
        report.bytesTaken += converter.bytes
        seen.formUnion(converter.taken)
        try await nameWhole()
    }

    /// Gives names to the models that are whole.
    private mutating func nameWhole() async throws {
        for model in pending.values.sorted(by: { $0.name < $1.name }) where try missing(of: model).isEmpty {
            progress.begin("finishing \(model.name)")
            report.models.append(try await request.name(model, in: operation))
            (pending[model.name], named[model.name]) = (nil, model.digest)
        }
    }

    private func missing(of model: BundledModel) throws(CakeError) -> [Layer] {
        let all = model.layers + model.needs.layers
        let here = try operation.hold(all)
        return all.filter { !here.contains($0.digest) }
    }

    func finish() throws -> Load.Report {
        var report = report
        for model in pending.values.sorted(by: { $0.name < $1.name }) {
            let missing = try missing(of: model)
            let isRelied = missing.contains { model.needs.contains($0) }
            let shown = isRelied ? missing.filter { model.needs.contains($0) } : missing
            report.unfinished.append(
                Load.Unfinished(
                    name: model.name, layers: shown.count, bytes: shown.reduce(0) { $0.clampedSum($1.size) },
                    isInOtherPart: !isRelied, examples: shown.prefix(3).map(\.digest)))
        }
        return report
    }
}
