import Hub
import Model
import Platform
import Remote
import Store
import Support
import Testing

@testable import Transfer

/// A hub of a test's own, and a store that pulls from it.
final class PullLine: Sendable {
    let scratch: Scratch
    let shelf: Shelf
    private let line: HubLine

    static let name = HubLine.name

    init(_ files: ModelMaker.Files? = nil, _ change: (inout HubSettings) -> Void = { _ in }) throws {
        scratch = try Scratch()
        line = try HubLine(files, change)
        shelf = try Shelf(at: scratch["store"])
    }

    var folder: HubFolder { line.folder }
    var hub: Hub { line.hub }
    var files: ModelMaker.Files { line.files }

    /// Two tensors of some megabytes: enough for several spans.
    static func large(seed: UInt64 = 1) throws -> ModelMaker.Files {
        [
            "model.safetensors": try ModelMaker.safetensors([
                .init("a", bytes: 5 << 20, seed: seed, .mixed), .init("b", bytes: 4 << 20, seed: seed + 1),
            ])
        ]
    }

    func source(token: String? = nil, stallSeconds: Int = 600) throws -> HubSource {
        try line.source(token: token, stallSeconds: stallSeconds)
    }

    func snapshot(_ name: String = PullLine.name, revision: String? = nil, token: String? = nil) async throws
        -> Snapshot
    {
        try await line.snapshot(name, revision: revision, token: token)
    }

    @discardableResult
    func pull(
        _ name: String = PullLine.name, revision: String? = nil, token: String? = nil, stallSeconds: Int = 600,
        with options: Pull.Options = Pull.Options(), into other: Shelf? = nil,
        waiting: @escaping @Sendable (FilePath) -> Void = { _ in }
    ) async throws -> Pull.Report {
        try await onPool {
            let source = try source(token: token, stallSeconds: stallSeconds)
            let snapshot = try await source.snapshot(of: HubReference(HubRepository(name), revision: revision))
            let pull = Pull(
                from: source, into: (other ?? shelf).store, progress: Progress("pull"), options: options)
            return try await pull(snapshot, snapshot.files, as: ModelName(name), waiting: waiting)
        }
    }

    /// Brings some of the files.
    func pull(files: [SnapshotFile]) async throws {
        try await onPool {
            let source = try source()
            let snapshot = try await source.snapshot(of: HubReference(HubRepository(PullLine.name)))
            let pull = Pull(from: source, into: shelf.store, progress: Progress("pull"), options: Pull.Options())
            _ = try await pull(snapshot, files, as: ModelName(PullLine.name)) { _ in }
        }
    }

    /// A pull that fails leaves no name and a store that is right, and the next one from a hub without fault succeeds.
    @discardableResult
    func failsCleanly(
        stallSeconds: Int = 600, token: String? = nil, at place: SourceLocation = #_sourceLocation
    ) async throws -> CakeError {
        var failure: CakeError?
        do {
            try await pull(token: token, stallSeconds: stallSeconds)
        } catch let error as CakeError {
            failure = error
        }
        #expect(try shelf.names() == [], sourceLocation: place)
        #expect(try await onPool { try await self.shelf.damages() }.isEmpty, sourceLocation: place)
        hub.behave()
        try await pull(token: token)
        try await expectExact(at: place)
        return try #require(failure, sourceLocation: place)
    }

    func expectExact(
        _ name: String = PullLine.name, _ files: ModelMaker.Files? = nil, at place: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await onPool { try await self.shelf.files(of: name) }
        #expect(found == files ?? self.files, sourceLocation: place)
        let left = try parts().map { "\($0): \((try? shelf.entries("incoming/" + $0)) ?? [])" }
        #expect(left == [], "parts are left", sourceLocation: place)
    }

    /// Folders of unfinished downloads.
    func parts() throws -> [String] { try shelf.entries("incoming").filter { Digest(hex: $0) != nil } }

    func size(of file: String) -> UInt64 { line.size(of: file) }

    /// Bytes of large files that were sent.
    var sent: UInt64 { hub.sent(.cdn()) }
}
