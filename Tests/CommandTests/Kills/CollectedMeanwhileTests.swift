import Foundation
import Model
import Platform
import Storage
import Store
import Support
import Testing
import Transfer

@Suite struct `An import that began before a collection` {
    private static let pool = BlockingPool(threads: 4)

    private func run(_ folder: URL, into store: LocalStore) async throws {
        let candidate = try #require(try ImportPath(folder.path, name: nil, followingAllLinks: false).candidates.first)
        _ = try await Import(into: store, progress: Progress("importing"))(candidate)
    }

    /// It has read where packed layers lie, and then the pack goes.
    @Test func `does not rely on layers that are gone`() async throws {
        let home = try Home()
        let first = try LocalStore(at: home.store.path, pool: Self.pool)
        try await run(home.makeModel("one"), into: first)
        let second = try LocalStore(at: home.store.path, pool: Self.pool)
        try first.remove(ModelName("one"), evenIfPinned: false)
        _ = try first.collect(grace: .zero, isDryRun: false, evenIfNothingIsNamed: true)
        try await run(home.makeModel("again"), into: second)
        let result = try home.cake("export", "again", "-o", home.path("back").path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(home.areEqual("again", "back"))
    }
}
