import Model
import Network
import Support
import Testing

@testable import Remote

@Suite struct `A stranger who names sizes` {
    private func client() throws -> HTTPClient { try HTTPClient(HTTPSettings(userAgent: "cake-tests")) }

    @Test(arguments: RawModel.hostile.indices) func `of packs and layers is refused before they are added up`(
        number: Int
    ) async throws {
        let (what, model) = RawModel.hostile[number]
        let registry = try StrangeRegistry(model)
        let client = RegistryClient(
            try RegistryRoutes(host: registry.host), as: RegistryCredentials(files: [], own: nil, given: nil),
            client: try client())
        let repository = RemoteRepository(client, try #require(RepositoryName("m")))
        let tag = ManifestName.tag(try #require(TagName("v1")))
        let error = await #expect(throws: CakeError.self, "\(what)") { try await RemoteArtifact(tag, in: repository) }
        #expect(
            error?.kind == .damaged && error?.what.contains("claims") == true, "\(what): \(String(describing: error))")
    }

    @Test(arguments: [
        "bytes 0-18446744073709551615/*", "bytes 5-4/10", "bytes 0-9/18446744073709551615", "bytes 0-281474976710656/*",
    ]) func `in a header is not heard`(text: String) {
        #expect(ContentRange(text) == nil)
    }
}

@Suite struct `A Content-Range` {
    @Test func `says which bytes of how many`() {
        #expect(ContentRange("bytes 0-99/200").map { [$0.first, $0.last, $0.total] } == [0, 99, 200])
        #expect(ContentRange("bytes 5-5/*").map { $0.total } == .some(nil))
    }

    @Test(arguments: [
        "", "bytes", "bytes 0-99", "bytes 0-99/", "bytes 0-99/2/3", "bytes */200", "bytes a-b/200", "bytes -1-9/200",
        "bytes 0-/200", "items 0-99/200", "bytes 0-99999999999999999999999/200", "bytes 0-9/99999999999999999999999",
        "bytes=0-99/200", "bytes 0 - 9/20",
    ])
    func `that is none is refused`(text: String) { #expect(ContentRange(text) == nil) }
}
