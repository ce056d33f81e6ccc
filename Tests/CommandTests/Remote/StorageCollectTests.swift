import Foundation
import Support
import Testing

@testable import cake

/// `cake gc` for a bucket, as its users see it.
@Suite struct `cake gc over a bucket` {
    private let stand: S3Stand
    private let home: Home
    private let place = "s3://bucket/registry"

    init() async throws {
        stand = try S3Stand(.ceph)
        home = try Home()
        for name in ["kept", "gone"] {
            try home.makeModel(name, seed: name == "kept" ? 3 : 4)
            try cake("import", home.path(name).path, name)
            // Where a bucket is empty, its last word is the repository.
            try cake("push", name, "\(place)/\(name):v1")
        }
        // A tag that is removed leaves its manifest.
        let manifest = try #require(stand.keys.first { $0.hasPrefix("registry/repositories/gone/manifests/") })
        try cake("rm", "--remote", "\(place)/gone@sha256:\(manifest.suffix(64))")
        stand.pass(seconds: 2 * 86_400)
    }

    private var variables: [String: String] {
        ["AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret", "AWS_ENDPOINT_URL": stand.endpoint]
    }

    @discardableResult
    private func cake(_ words: String...) throws -> String {
        let tool = try home.cake(words, variables: variables)
        #expect(tool.status == 0, "\(words): \(tool.errors)\(tool.output)")
        return tool.output
    }

    private var blobs: Int { stand.keys.count { $0.hasPrefix("registry/blobs/") } }
    private var tombstones: [String] { stand.keys.filter { $0.hasPrefix("registry/tombstones/") } }

    @Test func `waits, can be interrupted, goes on later without a wait, and leaves what is named`() throws {
        let all = blobs
        let planned = try cake("gc", "--storage", place, "--dry-run")
        #expect(planned.hasPrefix("would free ") && planned.contains(" of the registry in "))
        #expect(blobs == all && tombstones.isEmpty)
        let child = try home.start("gc", "--storage", place, variables: variables)
        func said() throws -> String { try String(contentsOf: home.path("said"), encoding: .utf8) }
        while try !said().contains("Ctrl-C is safe"), child.isRunning {}
        #expect(try said().hasPrefix("waiting 10 min"))
        child.send(SIGINT)
        #expect(try child.end() == .signal(SIGINT))
        #expect(try said().contains("interrupted; "))
        #expect(blobs == all && !tombstones.isEmpty)
        stand.pass(seconds: 601)
        let freed = try cake("gc", "--storage", place)
        #expect(freed == planned.replacing("would free", with: "freed"))
        #expect(blobs < all && tombstones.isEmpty)
        #expect(try cake("gc", "--storage", place) == "nothing to collect\n")
        let user = try Home()
        for words in [["pull", "\(place)/kept:v1", "m"], ["export", "m", "-o", user.path("out").path]] {
            #expect(try user.cake(words, variables: variables).status == 0)
        }
        for name in ["model.safetensors", "config.json"] {
            let bytes = try? Data(contentsOf: home.path("kept/\(name)"))
            #expect(try Data(contentsOf: user.path("out/\(name)")) == bytes)
        }
    }

    @Test func `has the keys of JSON that cake gc of a store has`() throws {
        let texts = [
            try cake("gc", "--storage", place, "--dry-run", "--json"), try cake("gc", "--dry-run", "--json"),
        ]
        let documents = try texts.compactMap {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        #expect(documents.count == 2 && Set(documents[0].keys) == Set(documents[1].keys))
        #expect(documents[0]["registry_blobs"] as? Int ?? 0 > 0)
    }

    @Test(arguments: [
        (["--storage", "models"], "does not begin with s3://"),
        (["--s3-endpoint", "http://127.0.0.1:1"], "is for --storage"),
        (["--storage", "s3://bucket/x", "--rebase"], "--rebase is for a store"),
    ]) func `refuses what makes no sense`(_ words: [String], _ error: String) throws {
        let tool = try home.cake(["gc"] + words, variables: variables)
        #expect(tool.status == 2 && tool.errors.contains(error) && tool.errors.contains("fix: "), "\(tool.errors)")
    }

    @Test func `is started by a server no more often than each hour`() throws {
        let tool = try home.cake(
            ["serve", "--storage", place, "--gc-every", "30m", "--listen", "127.0.0.1:0"], variables: variables)
        #expect(tool.status == 2 && tool.errors.contains("ten minutes") && tool.errors.contains("fix: "))
    }
}
