public import Model
public import Platform
public import Store

/// Puts the models of bundles into the store. Every layer is decoded and compared with its digest, and layers that are here
/// are not stored again. A model gets its name when all of it is here.
public struct Load: Sendable {
    public enum Source: Sendable {
        /// A tar, or a folder.
        case path(String)
        /// Fills the chunk, as far as bytes come; 0 bytes are the end. Read once, from the front.
        case stream(@Sendable (Chunk) async throws -> Int)
    }

    public struct Options: Sendable {
        /// A name moves to its model in the bundle from any other.
        public var replacesNames = false
        /// What a model needs to get its name.
        public var gate = SignatureGate.open
        /// The number of stored bytes that are collected before they can be read.
        package var publishStep: UInt64 = 256 << 20
        public init() {}
    }

    public struct Loaded: Sendable {
        public let name: ModelName
        public let manifest: Digest
        public let files: Int
        public let bytes: UInt64
        public let layers: Int
        /// That came with it.
        public let signatures: Int
        /// Another tool's, in which the bundle has it.
        public let shape: ForeignShape?
        /// The manifest that the name had before, if it was another.
        public let replaced: Digest?
    }

    /// A model of which something is still missing.
    public struct Unfinished: Sendable {
        public let name: ModelName
        public let layers: Int
        public let bytes: UInt64
        /// Another part of the bundle has them; else the bundle relied on them.
        public let isInOtherPart: Bool
        /// The first of them.
        public let examples: [Digest]
    }

    public struct Report: Sendable {
        public internal(set) var models: [Loaded] = []
        public internal(set) var unfinished: [Unfinished] = []
        public internal(set) var layersStored = 0
        /// As they were in the bundle.
        public internal(set) var bytesTaken: UInt64 = 0
        public internal(set) var bytesStored: UInt64 = 0
        public internal(set) var layersHere = 0
        public internal(set) var bytesHere: UInt64 = 0
        /// What was passed over, in words.
        public internal(set) var others: [String] = []
        /// Of files whose tensors could not be told apart.
        public internal(set) var complaints: [CakeError] = []
        /// Of a bundle in parts.
        public internal(set) var parts: Int?
        public internal(set) var partsRead: Set<Int> = []
    }

    let store: LocalStore
    let progress: Progress
    let options: Options

    public init(into store: LocalStore, progress: Progress, options: Options) {
        (self.store, self.progress, self.options) = (store, progress, options)
    }

    public func callAsFunction(_ sources: [Source]) async throws -> Report {
        var work = LoadWork(self, in: try Operation(store))
        var bundles: [(index: BundleIndex, files: BundleFiles)] = []
        for source in sources {
            guard case .path(let path) = source else { continue }
            let files = try Disk.status(path)?.kind == .folder ? [.inFolder(path)] : BundleFiles.inFile(path)
            for one in files { bundles.append(try Load.opened(one)) }
            if files.isEmpty { throw BundleFiles.notOne(Printable.escape(path)) }
        }
        // In the order in which they were written: bases come before their deltas.
        bundles.sort { $0.index.part?.number ?? 0 < $1.index.part?.number ?? 0 }
        for (index, files) in bundles { try await work.load(files, index) }
        for case .stream(let read) in sources {
            var stream = BundleStream(read)
            guard try await work.load(&stream) else { throw BundleFiles.notOne("what came") }
            while try await work.load(&stream) {}
        }
        return try work.finish()
    }

    static func opened(_ files: BundleFiles) throws(CakeError) -> (index: BundleIndex, files: BundleFiles) {
        guard let layout = try files.bytes(BundleIndex.layoutName, limit: 1 << 16),
            let bytes = try files.bytes(BundleIndex.indexName, limit: BundleIndex.maximumSize)
        else {
            guard let (index, files) = try DockerArchive.layout(of: files) else {
                throw BundleFiles.notOne(files.label)
            }
            return (index, files)
        }
        do throws(CakeError) {
            try check(layout: layout)
            return (try BundleIndex(parsing: bytes.span), files)
        } catch { throw error.at(files.label) }
    }

    static func check(layout: [UInt8]) throws(CakeError) {
        let version = try JSONValue(parsing: layout.span)["imageLayoutVersion"]?.string
        guard let version, version.hasPrefix("1.") else {
            throw CakeError(
                .failed, "it is an OCI image layout of version \(Printable.escape(version ?? "nothing"))",
                fix: "this cake reads version 1", cause: .newer)
        }
    }
}
