public import Model
internal import Platform
public import Remote
public import Store

/// Sends a model in another tool's shape to a registry. Blobs that are there are not sent, and blobs of other repositories are
/// mounted. The others are made while they are sent. The tag moves last.
public struct ShapedPush: Sendable {
    public struct Options: Sendable {
        /// Send in pieces of so many bytes, instead of a blob at once.
        public var chunkSize: UInt64?
        public var bytesPerSecond: UInt64?
        public init() {}
    }

    public struct Report: Sendable {
        public let shape: WrittenShape
        /// The digest of the manifest.
        public let digest: BlobName
        public let files: Int
        /// Layers with those of a base image, each once.
        public internal(set) var layers = 0
        public internal(set) var layersSent = 0
        public internal(set) var layersMounted = 0
        /// Of all layers.
        public internal(set) var bytes: UInt64 = 0
        /// Of layers, the config and the manifest; in a dry run those that would be sent.
        public internal(set) var bytesSent: UInt64 = 0
        /// The tag meant this before.
        public internal(set) var isSame = false
        /// The digest of the tag before, if it was another.
        public internal(set) var replaced: BlobName?
        /// Made here, and beside the model there.
        public internal(set) var signatures = 0
    }

    /// A repository of the same registry, and files that a model has there.
    public struct Neighbour: Sendable {
        public let repository: RepositoryName
        public let files: Set<Digest>
    }

    private let model: ShapedModel
    /// Of the store.
    private let manifest: Digest
    private let store: LocalStore
    private let target: RemoteRepository
    private let tag: TagName
    /// Where the layers of the base image are.
    private let base: RemoteRepository?
    private let neighbours: [Neighbour]
    private let progress: Progress
    private let options: Options
    private let throttle: Throttle?

    private static let atOnce = 4
    /// A question costs more than sending a smaller blob.
    private static let leastMounted: UInt64 = 1 << 20

    public init(
        _ model: ShapedModel, of manifest: Digest, from store: LocalStore, to target: RemoteRepository, as tag: TagName,
        on base: RemoteRepository?, beside neighbours: [Neighbour], progress: Progress, options: Options
    ) {
        (self.model, self.manifest, self.store) = (model, manifest, store)
        (self.target, self.tag, self.base) = (target, tag, base)
        self.neighbours = neighbours.filter { $0.repository != target.name }
        (self.progress, self.options) = (progress, options)
        throttle = options.bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
    }

    private enum Blob: Sendable {
        case own(ShapedModel.Blob)
        case below(Descriptor)

        var descriptor: Descriptor {
            switch self {
            case .own(let blob): blob.descriptor
            case .below(let descriptor): descriptor
            }
        }
    }

    /// Each blob once, layers first.
    private var blobs: [Blob] {
        var seen: Set<BlobName> = []
        let layers = model.below.map { Blob.below($0) } + model.layers.map { .own($0) }
        return (layers + [.own(model.config)]).filter { seen.insert($0.descriptor.name).inserted }
    }

    /// The caller keeps the model's layers until it returns.
    public func callAsFunction() async throws -> Report {
        let blobs = blobs
        progress.begin("pushing \(target.name):\(tag)")
        progress.expect(bytes: blobs.reduce(0) { $0 + $1.descriptor.size }, items: UInt64(blobs.count))
        let outcomes = try await sideBySide(blobs.count, atOnce: ShapedPush.atOnce, on: store.pool) { index in
            let outcome = try await bring(blobs[index])
            if outcome != .sent { progress.had(bytes: blobs[index].descriptor.size) }
            progress.finished()
            return outcome
        }
        return try await finish(report(blobs, outcomes))
    }

    /// What it would send; a blob that might be mounted counts as one that is sent.
    public func outlook() async throws -> Report {
        let blobs = blobs
        let outcomes = try await sideBySide(blobs.count, atOnce: ShapedPush.atOnce, on: store.pool) { index in
            let descriptor = blobs[index].descriptor
            return try await target.has(descriptor.name, size: descriptor.size)
                ? RemoteRepository.Copied.wasThere : .sent
        }
        var report = report(blobs, outcomes)
        let before = try await target.digest(of: .tag(tag))
        report.isSame = before == report.digest
        report.replaced = report.isSame ? nil : before
        return report
    }

    private func report(_ blobs: [Blob], _ outcomes: [RemoteRepository.Copied]) -> Report {
        let name = BlobName(SHA256.digest(of: model.manifest.span))
        let files = model.layers.reduce(0) { $0 + $1.plan.files.reduce(0) { count, _ in count + 1 } }
        var report = Report(shape: model.shape, digest: name, files: files)
        for (blob, outcome) in zip(blobs, outcomes) {
            let isLayer = blob.descriptor.name != model.config.descriptor.name
            if outcome == .sent { report.bytesSent += blob.descriptor.size }
            guard isLayer else { continue }
            report.layers += 1
            report.bytes += blob.descriptor.size
            switch outcome {
            case .wasThere: break
            case .mounted: report.layersMounted += 1
            case .sent: report.layersSent += 1
            }
        }
        return report
    }

    private func finish(_ report: Report) async throws -> Report {
        var report = report
        let kept = RemoteRepository.Kept(
            bytes: model.manifest, name: report.digest, mediaType: RegistryManifest.image)
        let before = try await target.digest(of: .tag(tag))
        report.isSame = before == report.digest
        report.replaced = report.isSame ? nil : before
        report.signatures = try await SentSignatures(store: store, target: target, chunkSize: options.chunkSize)(
            of: kept, manifest, isThere: report.isSame)
        guard !report.isSame else { return report }
        try Task.checkCancellation()
        try await target.put(kept, as: .tag(tag))
        report.bytesSent += UInt64(kept.bytes.count)
        return report
    }

    private func bring(_ blob: Blob) async throws -> RemoteRepository.Copied {
        let descriptor = blob.descriptor
        if try await target.has(descriptor.name, size: descriptor.size) { return .wasThere }
        switch blob {
        case .own(let own):
            if try await mount(own) { return .mounted }
            // Asked already: it is sent.
            return try await target.copyBlob(body(of: own), isReplaced: true, inPiecesOf: options.chunkSize)
        case .below(let descriptor):
            guard let base else { throw CakeError(.failed, "the layers of the base image have no place") }
            if base.isBeside(target), try await target.mount(descriptor.name, from: base.name) { return .mounted }
            return try await target.copyBlob(
                body(of: descriptor, in: base), isReplaced: true, inPiecesOf: options.chunkSize)
        }
    }

    /// From a repository of a model with the same files.
    private func mount(_ blob: ShapedModel.Blob) async throws -> Bool {
        guard blob.descriptor.size >= ShapedPush.leastMounted else { return false }
        for neighbour in neighbours where blob.plan.files.allSatisfy({ neighbour.files.contains($0.digest) }) {
            if try await target.mount(blob.descriptor.name, from: neighbour.repository) { return true }
        }
        return false
    }

    private func body(of blob: ShapedModel.Blob) -> UploadBody {
        let reader = LayerReader(store)
        return UploadBody(name: blob.descriptor.name, size: blob.descriptor.size) { range, sender in
            try await blob.plan.read(range, by: reader) { piece in
                try await sender.wait(for: throttle, piece.count)
                var start = 0
                while start < piece.count {
                    let own = sender.take()
                    start += piece.withBytes { own.append($0.extracting(start..<piece.count)) }
                    try await sender.send(own)
                }
                sender.count(piece.count, in: progress)
            }
        }
    }

    private func body(of blob: Descriptor, in base: RemoteRepository) -> UploadBody {
        let remote = RemoteBlob(blob.name, size: blob.size, in: base)
        return UploadBody(name: blob.name, size: blob.size) { range, sender in
            _ = try await remote.bring(range) { chunk, bytes in
                try await sender.wait(for: throttle, bytes.count)
                let count = Int(bytes.length)
                var start = 0
                while start < count {
                    let own = sender.take()
                    start += chunk.withBytes { own.append($0.extracting(start..<count)) }
                    try await sender.send(own)
                }
                sender.count(count, in: progress)
            }
        }
    }
}

extension RemoteRepository {
    /// Whether both are of one registry.
    fileprivate func isBeside(_ other: RemoteRepository) -> Bool {
        client.routes.isSame(as: other.client.routes) && name != other.name
    }
}
