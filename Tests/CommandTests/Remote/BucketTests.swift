import Foundation
import Model
import Support
import Testing

@testable import cake

/// Two homes and object storage between them, without a server of cake.
@Suite struct `Models in a bucket` {
    private let stand: S3Stand
    private let maker: Home
    private let user: Home

    init() throws {
        stand = try S3Stand(.ceph)
        (maker, user) = (try Home(), try Home())
    }

    private var keys: [String: String] {
        ["AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret", "AWS_ENDPOINT_URL": stand.endpoint]
    }

    private func cake(_ home: Home, _ words: String...) throws -> Tool { try home.cake(words, variables: keys) }

    private func works(_ tool: Tool, _ place: SourceLocation = #_sourceLocation) throws {
        #expect(tool.status == 0, "\(tool.errors)\(tool.output)", sourceLocation: place)
        #expect(!(tool.errors + tool.output).contains("the-secret"), sourceLocation: place)
    }

    @Test func `come back to the bit, and a fine-tune moves only its layers`() throws {
        let base = try maker.makeModel("base", tensors: 8, of: 1 << 17)
        try works(cake(maker, "import", base.path, "base"))
        try works(cake(maker, "push", "base", "s3://bucket/models/team/base:v1"))
        let before = try stand.keys.reduce(0) { $0 + (try #require(stand.bytes($1)).count) }
        let tune = maker.path("tune")
        try FileManager.default.copyItem(at: base, to: tune)
        let file = tune.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        for place in stride(from: bytes.count - (1 << 18), to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        try works(cake(maker, "import", tune.path, "tune"))
        try works(cake(maker, "push", "tune", "s3://bucket/models/team/base:v2"))
        let after = try stand.keys.reduce(0) { $0 + (try #require(stand.bytes($1)).count) }
        #expect(after - before < before / 4, "\(before), then \(after)")

        try works(cake(user, "pull", "s3://bucket/models/team/base:v2", "tune"))
        try works(cake(user, "export", "tune", "-o", user.path("out").path))
        let out = try Data(contentsOf: user.path("out/model.safetensors"))
        #expect(Array(out) == bytes)
        let gets = stand.asked.filter { $0.hasPrefix("GET") }.count
        try works(cake(user, "pull", "s3://bucket/models/team/base:v1"))
        #expect(try cake(user, "ls", "--names").output.contains("s3://bucket/models/team/base:v1\n"))
        #expect(stand.asked.filter { $0.hasPrefix("GET") }.count - gets < 20)
        #expect(try cake(user, "tags", "s3://bucket/models/team/base").output == "v1\nv2\n")
    }

    @Test(arguments: [
        ("models/team/tune", false), ("models/team/tune", true), ("other/tune", false), ("other/tune", true),
    ])
    func `reuse packs of other repositories of the same registry, and of no other prefix`(
        _ target: String, _ isNamed: Bool
    ) throws {
        let base = try maker.makeModel("base", tensors: 8, of: 1 << 17)
        try works(cake(maker, "import", base.path, "base"))
        try works(cake(maker, "push", "base", "s3://bucket/models/base:v1"))
        let before = stand.keys.count { $0.contains("/blobs/") && !$0.contains("/repositories/") }
        let words =
            ["push", "base", "s3://bucket/\(target):v1"] + (isNamed ? ["--base", "s3://bucket/models/base"] : [])
        let pushed = try maker.cake(words, variables: keys)
        try works(pushed)
        let after = stand.keys.count { $0.contains("/blobs/") && !$0.contains("/repositories/") }
        let isSame = target.hasPrefix("models/")
        #expect(pushed.output.contains("reused from models/base") == isSame, "\(pushed.output)")
        #expect((after == before) == isSame)
        try works(cake(user, "pull", "s3://bucket/\(target):v1", "back"))
        try works(cake(user, "verify"))
    }

    @Test func `say what is wrong with a name, a bucket or an endpoint`() throws {
        let rows: [(words: [String], status: Int32, said: String)] = [
            (["pull", "s3://bucket"], 2, "no path after its bucket"),
            (["pull", "s3://nowhere/team/m"], 10, "has no bucket nowhere"),
            (["pull", "s3://bucket/team/m:v9"], 10, "does not have m:v9"),
            (["pull", "localhost:1/m", "--s3-endpoint", stand.endpoint], 2, "--s3-endpoint is for names in a bucket"),
            (["pull", "s3://bucket/m", "--s3-endpoint", stand.endpoint + "/path"], 2, "has a path"),
        ]
        for (words, status, said) in rows {
            let result = try user.cake(words, variables: keys)
            #expect(result.status == status && result.errors.contains(said), "\(words): \(result.errors)")
        }
    }

    @Test func `are listed by their registry's data`() throws {
        let model = try maker.makeModel("m", tensors: 1)
        try works(cake(maker, "import", model.path, "m"))
        let empty = try cake(user, "ls-remote", "s3://bucket")
        #expect(empty.status == 0 && empty.output.isEmpty && empty.errors.contains("has none"))
        // The data of one registry lie below another's then.
        for name in ["prod/b:v1", "prod/team/a:v1", "dev/inner/x:v1", "dev/c:v1"] {
            try works(cake(maker, "push", "m", "s3://bucket/\(name)"))
        }
        let rows: [(place: String, output: String, said: String)] = [
            ("s3://bucket/prod", "s3://bucket/prod/b\ns3://bucket/prod/team/a\n", ""),
            ("s3://bucket/prod/", "s3://bucket/prod/b\ns3://bucket/prod/team/a\n", ""),
            ("s3://bucket", "", "below it are s3://bucket/dev, s3://bucket/prod"),
            ("s3://bucket/prod/team/a", "v1\n", ""), ("s3://bucket/dev/inner/x", "v1\n", ""),
            ("s3://bucket/dev", "s3://bucket/dev/c\n", ""), ("s3://bucket/dev/inner", "s3://bucket/dev/inner/x\n", ""),
        ]
        for (place, output, said) in rows {
            let result = try cake(user, "ls-remote", place)
            #expect(result.status == 0 && result.output == output, "\(place): \(result.output)\(result.errors)")
            #expect(said.isEmpty || result.errors.contains(said), "\(place): \(result.errors)")
        }
    }

    @Test func `are shown and compared where they lie, and removed there`() throws {
        let model = try maker.makeModel("m", tensors: 2)
        try works(cake(maker, "import", model.path, "m"))
        try works(cake(maker, "push", "m", "s3://bucket/team/m:v1", "--dry-run"))
        #expect(stand.keys.isEmpty)
        try works(cake(maker, "push", "m", "s3://bucket/team/m:v1"))
        try works(cake(user, "inspect", "s3://bucket/team/m:v1"))
        try works(cake(maker, "diff", "m", "s3://bucket/team/m:v1"))
        try works(cake(maker, "rm", "--remote", "s3://bucket/team/m:v1"))
        #expect(try cake(user, "pull", "s3://bucket/team/m:v1").status == 10)
    }
}
