import Foundation
import Support
import Testing

@testable import cake

@Suite struct `Reclaiming a Hugging Face cache` {
    private let home: Home
    private var cache: String { home.path("hub").path }
    private var variables: [String: String] { ["HF_HUB_CACHE": cache] }

    init() throws {
        home = try Home()
        try home.makeModel("one")
        #expect(try home.cake("import", home.path("one").path, "team/one").status == 0)
        let exported = try home.cake("export", "team/one", "--format", "hf-cache", variables: ["HF_HUB_CACHE": cache])
        #expect(exported.status == 0, "\(exported.errors)")
    }

    private func files() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: cache).sorted() }

    @Test func `lists what it would do and does it only when somebody is sure`() throws {
        let before = try files()
        let dry = try home.cake("reclaim", "--delete", "--dry-run", variables: variables)
        #expect(dry.status == 0 && dry.output.contains("model.safetensors"))
        #expect(dry.output.contains("2 files of the cache") && dry.output.contains("would be removed"))
        let asked = try home.cake("reclaim", "--delete", variables: variables)
        #expect(asked.status == 1 && asked.errors.contains("--yes"))
        #expect(try files() == before)
        let done = try home.cake("reclaim", "--delete", "--yes", variables: variables)
        #expect(done.output.contains("removed"), "\(done.errors)")
        #expect(try files().allSatisfy { !$0.contains("blobs/") })
    }

    @Test func `keeps the cache at work when its files are those that were exported`() throws {
        let out = home.path("out").path
        let done = try home.cake("reclaim", "--to", out, "-y", "--json", variables: variables)
        #expect(done.status == 0 && done.document() != nil, "\(done.errors)")
        #expect(home.areEqual("one", "out/team/one"))
        let again = try home.cake("import", cache, variables: variables)
        #expect(again.output.hasPrefix("imported team/one"), "\(again.errors)")
    }

    @Test func `needs to be told how, and a cache`() throws {
        #expect(try home.cake("reclaim", variables: variables).status == 2)
        let nowhere = try home.cake("reclaim", "--delete", variables: ["HF_HUB_CACHE": home.path("none").path])
        #expect(nowhere.status == 10)
    }
}
