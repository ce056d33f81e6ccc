import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Remote
import Server
import Store
import Support
import Testing
import Transfer

/// A hub with a base and a tune of it, a server of cake's that has both, and a client that pulls from either.
final class Rack: Sendable {
    static let reader = "hf_readerreaderreader"
    static let base = "org/model"
    static let tune = "org/tune"
    static let count = 5
    static let size = 1_200_000

    let line: MirrorStage
    let shelf: Shelf
    /// The one tensor of the tune that was trained on.
    let changed = UInt64(size)

    /// One tensor of the tune differs much, one here and there; a small one is between them.
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

    /// The models that the server has afterwards.
    func stock(_ store: LocalStore, where isWanted: (SnapshotFile) -> Bool = { _ in true }) async throws {
        for name in [Rack.base, Rack.tune] { try await pull(name, into: store, where: isWanted) }
        line.hub.forgetRequests()
    }

    @discardableResult
    func pull(
        _ name: String, into store: LocalStore, from endpoint: String? = nil, as token: String? = nil,
        near: [String] = [],
        where isWanted: (SnapshotFile) -> Bool = { _ in true }, changing change: (inout Pull.Options) -> Void = { _ in }
    ) async throws -> (report: Pull.Report, near: UInt64) {
        let source = try source(endpoint, token: token)
        let snapshot = try await source.snapshot(of: HubReference(HubRepository(name)))
        var options = try options(near: near)
        change(&options)
        let pull = Pull(from: source, into: store, progress: Progress("pull"), options: options)
        let report = try await pull(snapshot, snapshot.files.filter(isWanted), as: ModelName(name)) { _ in }
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

    /// All files are right, and nothing is left under way.
    func isExact(_ name: String = Rack.tune, at place: SourceLocation = #_sourceLocation) async throws {
        let files = name == Rack.tune ? try Rack.tuned() : line.files
        #expect(try await shelf.files(of: name) == files, sourceLocation: place)
        #expect(try await shelf.damages().isEmpty, sourceLocation: place)
        let parts = try shelf.entries("incoming").filter { Digest(hex: $0) != nil }
        #expect(parts == [], "parts are left", sourceLocation: place)
    }

    /// The objects of the tune's large tensors on the server's disk, without the first, whose bytes come with the
    /// header's.
    func objects(of stage: Stage) throws -> [String] {
        let manifest = try stage.store.manifest(stage.store.find(Rack.tune).record.manifest)
        let large = manifest.segments.filter { $0.tensor != nil && $0.layer.size == changed }.dropFirst()
        return large.map(\.layer.digest.hex).map { "\(stage.scratch["store"])/objects/\($0.prefix(2))/\($0)" }
    }

    func commit(_ name: String = Rack.tune) async throws -> String {
        try await source(token: Rack.reader).snapshot(of: HubReference(HubRepository(name))).commit
    }

    /// Bytes of a header's first guess, of lists, and between two layers.
    static let slack: UInt64 = 80 << 10
}

extension Stage {
    var url: String { "http://127.0.0.1:\(server.address.port)" }

    /// Asks for the place of the tune's layers.
    func published(_ commit: String, token: String? = nil) throws -> Client.Reply {
        try ask(
            "GET", "/v2/_cake/published?kind=model&id=org/tune&commit=\(commit)",
            token.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }
}
