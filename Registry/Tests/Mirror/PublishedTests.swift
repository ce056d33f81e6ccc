import Foundation
import Hub
import Model
import Platform
import Remote
import Server
import Storage
import Store
import Support
import Testing
import Transfer

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

    @Test func `comes as layers where the server has it, and by samples where it does not`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            func other(tuned: Bool) throws -> [UInt8] {
                try ModelMaker.safetensors(
                    (0..<Rack.count).map {
                        .init("other.\($0)", bytes: Rack.size, seed: UInt64(tuned && $0 == 1 ? 190 : 150 + $0), .mixed)
                    })
            }
            for (name, tuned) in [(Rack.base, false), (Rack.tune, true)] {
                try rack.line.folder.write(name, ["other.safetensors": try other(tuned: tuned)])
            }
            let stage = try rack.line.serve()
            try await rack.stock(stage.store) { $0.path.string != "other.safetensors" }
            try await rack.pull(Rack.base, into: rack.shelf.store)
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            #expect(try await rack.shelf.files(of: Rack.tune)["other.safetensors"] == other(tuned: true))
            #expect(report.bytesSaved[.published, default: 0] >= 3 * rack.changed)
            #expect(report.bytesSaved[.layers, default: 0] > rack.changed)
            #expect(report.bytesSaved[.samples] == 4 * rack.changed)
            await stage.server.settle()
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
            // The manifest is made from the present bytes.
            #expect(try await stage.published(rack.commit()).status == 200)
            for path in try rack.objects(of: stage) {
                let file = try FileHandle(forWritingTo: URL(filePath: path))
                try file.truncate(atOffset: try file.seekToEnd() / 2)
            }
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            // The server notices the damage by itself: it stops within a pack, or does not have it any more.
            #expect(report.bytesSaved[.layers, default: 0] <= rack.changed)
            #expect(rack.line.sent > 2 * rack.changed)
        }
    }

    @Test func `comes from the Hub where what the server sends is something else`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            #expect(try await stage.published(rack.commit()).status == 200)
            for path in try rack.objects(of: stage) {
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: file.seekToEnd() / 2)
                try file.write(contentsOf: [0x55, 0xaa, 0x55, 0xaa])
            }
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, near: [stage.url])
            try await rack.isExact()
            // The server notices the damage by itself: it stops within a pack, or does not have it any more.
            #expect(report.bytesSaved[.layers, default: 0] <= rack.changed)
            #expect(rack.line.sent > 2 * rack.changed)
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
                try await rack.pull(
                    Rack.tune, into: rack.shelf.store,
                    changing: {
                        $0 = options
                        $0.bytesPerSecond = 800_000
                    })
            }
            try waits(until: "some of it came") { mirrors.bytes >= 400_000 }
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

    @Test func `comes to whom the server knows by a token, and to nobody else`() async throws {
        try await MirrorStage.asClient {
            let rack = try Rack()
            let stage = try rack.line.serve()
            try await rack.stock(stage.store)
            let secret = try RegistryStore(stage.store).addToken("team", read: [.all], push: [])
            #expect(try await stage.published(rack.commit()).status == 401)
            let (far, _) = try await rack.pull(Rack.base, into: rack.shelf.store, near: [stage.url])
            #expect(far.layers == nil && rack.line.sent > rack.changed)
            let (report, _) = try await rack.pull(Rack.tune, into: rack.shelf.store, from: stage.url, as: secret)
            try await rack.isExact()
            #expect(report.bytesSaved[.published, default: 0] >= 3 * rack.changed && report.layers != nil)
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
            // A model downloaded for callers with access is not shown to others.
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
