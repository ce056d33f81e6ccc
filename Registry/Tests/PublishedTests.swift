import Foundation
import Hub
import Model
import Platform
import Server
import Store
import Support
import Testing
import Transfer

/// A hub with a base and a tune of it, a server of cake's that has both, and somebody who pulls from either.
private final class Rack: Sendable {
    static let reader = "hf_readerreaderreader"
    static let base = "org/model"
    static let tune = "org/tune"
    static let count = 5
    static let size = 1_200_000

    let line: MirrorStage
    let shelf: Shelf
    /// The one tensor of the tune that was trained on.
    let changed: UInt64 = UInt64(size)

    /// One tensor of the tune differs much, one here and there; a small one lies between.
    private static func files(tuned: Bool) throws -> ModelMaker.Files {
        let parts = (0..<count).map { number in
            var bytes = seededBytes(size, seed: UInt64(tuned && number == 1 ? 90 : 50 + number), .mixed)
            if tuned, number == 3 { for index in stride(from: 0, to: size, by: 5000) { bytes[index] ^= 1 } }
            let tensor = Tensor(name: ExactText("layers.\(number).weight"), dtype: .bf16, shape: [UInt64(size / 2)])
            return ModelMaker.Part(tensor, bytes)
        }
        let norm = ModelMaker.Part("norm", bytes: 2000, seed: tuned ? 8 : 7)
        return [
            "model.safetensors": try ModelMaker.safetensors(parts[..<2] + [norm] + parts[2...]),
            "config.json": Array("{}".utf8),
        ]
    }

    static func tuned() throws -> ModelMaker.Files { try files(tuned: true) }

    init(_ mirror: @escaping @Sendable (inout Mirror.Settings) -> Void = { _ in }) throws {
        line = try MirrorStage(Rack.files(tuned: false)) { settings in
            settings.users = [Rack.reader: .init("reader", reads: [Rack.tune])]
        } _: {
            $0.patience = .seconds(25)
            mirror(&$0)
        }
        try line.folder.write(Rack.tune, Rack.tuned())
        shelf = try Shelf(at: line.scratch["client"])
    }

    func source(_ endpoint: String? = nil, token: String? = nil) throws -> HubSource {
        HubSource(
            try HubRoutes(endpoint: endpoint ?? line.hub.endpoint), token: try token.map { try HubToken($0) },
            client: try HTTPClient(HTTPSettings(userAgent: "cake/test")))
    }

    /// What the server has afterwards.
    func stock(_ store: LocalStore, _ names: [String] = [Rack.base, Rack.tune]) async throws {
        for name in names { try await pull(name, into: store) }
        line.hub.forgetRequests()
    }

    @discardableResult
    func pull(
        _ name: String, into store: LocalStore, from endpoint: String? = nil, near: [String] = [],
        _ change: (inout Pull.Options) -> Void = { _ in }
    ) async throws -> (report: Pull.Report, near: UInt64) {
        let source = try source(endpoint)
        let snapshot = try await source.snapshot(of: HubReference(HubRepository(name)))
        var options = try options(near: near)
        change(&options)
        let pull = Pull(from: source, into: store, progress: Progress("pull"), options: options)
        let report = try await pull(snapshot, snapshot.files, as: ModelName(name)) { _ in }
        return (report, options.mirrors?.bytes ?? 0)
    }

    func options(near: [String]) throws -> Pull.Options {
        var options = Pull.Options()
        guard !near.isEmpty else { return options }
        options.mirrors = Mirrors(
            try near.map { try HubRoutes(endpoint: $0) },
            client: try HTTPClient(HTTPSettings(userAgent: "cake/test")))
        return options
    }

    /// Nothing wrong is there, and nothing is left on the way.
    func isExact(_ name: String = Rack.tune, at place: SourceLocation = #_sourceLocation) async throws {
        let files = name == Rack.tune ? try Rack.tuned() : line.files
        #expect(try await shelf.files(of: name) == files, sourceLocation: place)
        #expect(try await shelf.damages().isEmpty, sourceLocation: place)
        let parts = try shelf.entries("incoming").filter { Digest(hex: $0) != nil }
        #expect(parts == [], "parts are left", sourceLocation: place)
    }

    func commit(_ name: String = Rack.tune) async throws -> String {
        try await source(token: Rack.reader).snapshot(of: HubReference(HubRepository(name))).commit
    }

    /// Bytes of a header's first guess, of lists, and of what lies between two layers.
    static let slack: UInt64 = 80 << 10
}

extension Stage {
    fileprivate var url: String { "http://127.0.0.1:\(server.address.port)" }
}

@Suite struct `A model that a server has as layers` {
    @Test(arguments: [true, false])
    func `comes to who has its base as what differs, as it lies there`(isMirror: Bool) async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            try await rack.pull(Rack.base, into: rack.shelf.store)
            rack.line.hub.forgetRequests()
            let (report, _) =
                isMirror
                ? try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
                : try await rack.pull(Rack.tune, into: rack.shelf.store, from: stage.url)
            try await rack.isExact()
            let stored = try stored(Rack.tune, without: Rack.base, in: stage.store)
            let layers = try #require(report.layers)
            #expect(layers.bytes <= stored + Rack.slack && stored < rack.changed)
            #expect(report.bytesFetched <= layers.bytes + Rack.slack)
            let unchanged = report.bytesSaved[.published, default: 0]
            #expect(unchanged >= 3 * rack.changed && unchanged < 3 * rack.changed + 4096)
            #expect(report.bytesSaved[.layers, default: 0] > rack.changed)
            #expect(layers.place == stage.url.dropFirst("http://".count))
            #expect(rack.line.sent == 0)
        }
    }

    /// At rest, of the layers that the other does not have.
    private func stored(_ name: String, without other: String, in store: LocalStore) throws -> UInt64 {
        func layers(_ name: String) throws -> Set<Layer> {
            Set(try store.manifest(store.find(name).record.manifest).layers)
        }
        return try layers(name).subtracting(layers(other)).reduce(0) { try $0 + store.stored($1).bytes.count }
    }

    @Test func `comes to who has nothing with the bases that pay, and is said to beforehand`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            let source = try rack.source()
            let snapshot = try await source.snapshot(of: HubReference(HubRepository(Rack.tune)))
            let outlook = try await Pull(
                from: source, into: rack.shelf.store, progress: Progress("look"),
                options: rack.options(near: [stage.url])
            ).outlook(snapshot, snapshot.files)
            #expect(outlook.place != nil)
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            let size = UInt64(Rack.size * Rack.count)
            #expect(report.bytesFetched < size * 3 / 4)
            #expect(outlook.bytesToFetch <= report.bytesFetched + Rack.slack)
            #expect(report.bytesFetched <= outlook.bytesToFetch + Rack.slack)
        }
    }

    @Test func `comes from the Hub when the server does not have it, or is none of cake's`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            let (report, near) = try await rack.pull(
                Rack.tune, into: rack.shelf.store, near: ["http://127.0.0.1:1", rack.line.hub.endpoint, stage.url])
            try await rack.isExact()
            #expect(report.layers == nil && near > 0)
            #expect(rack.line.hub.count(.path(endingIn: "/v2/_cake/published")) == 1)
            await stage.server.settle()
        }
    }

    @Test func `is asked for at no endpoint that does not say that it is a server of cake's`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            try await rack.pull(Rack.tune, into: rack.shelf.store)
            #expect(rack.line.hub.count(.path(endingIn: "/v2/_cake/published")) == 0)
        }
    }

    @Test func `comes from the Hub from where the server breaks off`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            // The manifest is made of what lies there now.
            #expect(try await stage.published(rack.commit()).status == 200)
            for layer in try stage.store.manifest(stage.store.find(Rack.tune).record.manifest).layers
            where layer.size == rack.changed {
                let path = "\(stage.scratch["store"])/objects/\(layer.digest.hex.prefix(2))/\(layer.digest.hex)"
                let file = try FileHandle(forWritingTo: URL(filePath: path))
                try file.truncate(atOffset: try file.seekToEnd() / 2)
            }
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            #expect(report.bytesSaved[.layers, default: 0] < rack.changed)
            #expect(rack.line.sent > rack.changed)
        }
    }

    @Test func `comes from the Hub where what the server sends is something else`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            #expect(try await stage.published(rack.commit()).status == 200)
            for layer in try stage.store.manifest(stage.store.find(Rack.tune).record.manifest).layers
            where layer.size == rack.changed {
                let path = "\(stage.scratch["store"])/objects/\(layer.digest.hex.prefix(2))/\(layer.digest.hex)"
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: file.seekToEnd() / 2)
                try file.write(contentsOf: [0x55, 0xaa, 0x55, 0xaa])
            }
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            #expect(report.bytesSaved[.layers, default: 0] == 0 && rack.line.sent > rack.changed)
        }
    }

    @Test(arguments: [true, false])
    func `is what the Hub published, whatever layers the server says that it is`(areHere: Bool) async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            // The tune is said to be made of the base's layers.
            let base = try #require(
                try stage.store.manifest(stage.store.find(Rack.base).record.manifest).file(at: "model.safetensors"))
            let operation = try Operation(stage.store)
            let tune = try stage.store.find(Rack.tune).record
            let files = try stage.store.manifest(tune.manifest).files.map { file in
                guard file.path.string == "model.safetensors" else { return file }
                return try Manifest.File(
                    path: file.path, digest: file.digest, size: file.size, segments: base.segments)
            }
            let lie = try stage.store.save(try Manifest(files: files), in: operation)
            try stage.store.update(ModelName(Rack.tune), in: operation) { record in
                var record = record
                record?.manifest = lie
                return record
            }
            if areHere { try await rack.pull(Rack.base, into: rack.shelf.store) }
            rack.line.hub.forgetRequests()
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            #expect(report.bytesSaved[.published, default: 0] == 0)
            #expect(rack.line.sent > rack.changed)
        }
    }

    @Test func `goes on with what came of it before`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            let options = try rack.options(near: [stage.url])
            let mirrors = try #require(options.mirrors)
            let first = Task(executorPreference: MirrorStage.clients) {
                try await rack.pull(Rack.tune, into: rack.shelf.store) {
                    $0 = options
                    $0.bytesPerSecond = 800_000
                }
            }
            let end = ContinuousClock.now + .seconds(60)
            while mirrors.bytes < 400_000, ContinuousClock.now < end { await Task.yield() }
            first.cancel()
            await #expect(throws: (any Error).self) { try await first.value }
            let came = mirrors.bytes
            let (report, near) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            let other = try Shelf(at: rack.line.scratch["other"])
            let all = try await rack.pull(Rack.tune, into: other.store, near: [stage.url]).near
            #expect(came >= 400_000 && near + came <= all + 2 * Rack.slack && report.layers != nil)
        }
    }

    @Test func `is told of to those alone whom its Hub lets in`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            try rack.line.folder.set(Rack.tune, gated: "auto")
            let stage = try rack.line.serve()
            let commit = try await rack.commit()
            #expect(try stage.published(commit).status == 404)
            // The server's owner pulled it by hand.
            let source = try rack.source(token: Rack.reader)
            let snapshot = try await source.snapshot(of: HubReference(HubRepository(Rack.tune)))
            let pull = Pull(from: source, into: stage.store, progress: Progress("pull"), options: Pull.Options())
            _ = try await pull(snapshot, snapshot.files, as: ModelName(Rack.tune)) { _ in }
            #expect(try stage.published(commit).status == 404)
            #expect(try stage.published(commit, token: "hf_strangerstranger").status == 404)
            #expect(try stage.published(commit, token: Rack.reader).status == 200)
            #expect(try stage.published(String(repeating: "0", count: 40), token: Rack.reader).status == 404)
            // Brought for those who may have it, it is told of to nobody.
            try stage.store.update(ModelName(Rack.tune), in: Operation(stage.store)) { record in
                var record = record
                record?.mark = .mirroredClosed
                return record
            }
            #expect(try stage.published(commit, token: Rack.reader).status == 404)
            #expect(try stage.published("main").status == 400)
        }
    }
}

extension Stage {
    fileprivate func published(_ commit: String, token: String? = nil) throws -> Client.Reply {
        try ask(
            "GET", "/v2/_cake/published?kind=model&id=org/tune&commit=\(commit)",
            token.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }
}
