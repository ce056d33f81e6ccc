import Foundation
import Model
import Support
import Testing

@testable import cake

/// A registry of docker's, or cake's own, and two homes: one pushes and one pulls.
private final class Team {
    enum Kind: CaseIterable { case docker, cake }

    let maker: Home
    let user: Home
    private let docker: DockerRegistry?
    private let served: Served?
    private let server: Home?
    let host: String

    init(_ kind: Kind) throws {
        maker = try Home()
        user = try Home()
        switch kind {
        case .docker:
            let registry = try DockerRegistry()
            (docker, served, server, host) = (registry, nil, nil, registry.host)
        case .cake:
            let home = try Home()
            let own = try Served(home, "--push")
            (docker, served, server, host) = (nil, own, home, "127.0.0.1:\(own.port)")
        }
    }

    /// A base, and a tune of it in which `changed` of its tensors are others.
    func importFamily() throws {
        let model = try maker.makeModel("base", tensors: 8, of: 1 << 19)
        try expect(try maker.cake("import", model.path, "base"))
        let tune = maker.path("tune")
        try FileManager.default.copyItem(at: model, to: tune)
        let file = tune.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        // One tensor, and of it every few hundredth element a little.
        for place in stride(from: bytes.count - (1 << 20), to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        try expect(try maker.cake("import", tune.path, "tune"))
    }

    func expect(_ tool: Tool, _ place: SourceLocation = #_sourceLocation) throws {
        #expect(tool.status == 0, "\(tool.errors)\(tool.output)", sourceLocation: place)
    }

    func document(_ tool: Tool) throws -> JSONValue {
        try expect(tool)
        return try JSONValue(parsing: Array(tool.output.utf8).span)
    }
}

@Suite(.enabled(if: DockerRegistry.isThere, "docker-registry is not installed: scripts/test installs it"))
struct `Models in a registry` {
    @Test(arguments: Team.Kind.allCases)
    fileprivate func `come back to the bit, and a fine-tune moves only its layers`(_ kind: Team.Kind) throws {
        let team = try Team(kind)
        try team.importFamily()
        let base = try team.document(team.maker.cake("push", "base", "\(team.host)/fam/base:v1", "--json"))
        let whole = try #require(base["bytes_sent"]?.unsigned)
        let tune = try team.document(team.maker.cake("push", "tune", "\(team.host)/fam/tune:v1", "--json"))
        let sent = try #require(tune["bytes_sent"]?.unsigned)
        #expect(sent * 10 < whole, "\(sent) of \(whole)")
        #expect(tune["packs_mounted"] == 2 && tune["layers_sent"] == 1 && tune["layers_recoded"] == 0)
        let got = try team.document(team.user.cake("pull", "\(team.host)/fam/base:v1", "--json"))
        let fetched = try #require(got["bytes_fetched"]?.unsigned)
        #expect(fetched <= whole)
        let dry = try team.document(team.user.cake("pull", "\(team.host)/fam/tune:v1", "--dry-run", "--json"))
        let more = try team.document(
            team.user.cake(
                "pull", "\(team.host)/fam/tune:v1", "--json", "--quiet", "--local-dir", team.user.path("out").path))
        #expect(dry["bytes_to_fetch"] == more["bytes_fetched"])
        let little = try #require(more["bytes_fetched"]?.unsigned)
        #expect(little * 10 < whole)
        let same = FileManager.default.contentsEqual(
            atPath: team.maker.path("tune").path, andPath: team.user.path("out").path)
        #expect(same)
        try team.expect(try team.user.cake("verify"))
        // An empty store gets base and tune.
        let other = try Home()
        try team.expect(try other.cake("pull", "\(team.host)/fam/tune:v1"))
        try team.expect(try other.cake("export", "\(team.host)/fam/tune:v1", "-o", other.path("out").path))
        #expect(
            FileManager.default.contentsEqual(
                atPath: team.maker.path("tune").path, andPath: other.path("out").path))
    }

    @Test func `of many small layers come with their bases to who has neither`() throws {
        let team = try Team(.docker)
        let model = try team.maker.makeModel("base", tensors: 60, of: 1 << 15)
        try team.expect(try team.maker.cake("import", model.path, "base"))
        let file = model.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        for place in stride(from: bytes.count - (50 << 16), to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        try team.expect(try team.maker.cake("import", model.path, "tune", "--base", "base"))
        try team.expect(try team.maker.cake("push", "base", "\(team.host)/base:v1"))
        let sent = try team.document(team.maker.cake("push", "tune", "\(team.host)/tune", "--json"))
        #expect(sent["layers_recoded"] == 0 && sent["packs_mounted"] == 2)
        for _ in 0..<3 {
            let other = try Home()
            let out = other.path("out").path
            try team.expect(try other.cake("pull", "\(team.host)/tune", "--local-dir", out))
            // The tag that stands for none need not be written.
            try team.expect(try other.cake("verify", "\(team.host)/tune"))
            #expect(FileManager.default.contentsEqual(atPath: model.path, andPath: out))
        }
    }

    @Test(arguments: Team.Kind.allCases)
    fileprivate func `are listed, looked at, copied and removed`(_ kind: Team.Kind) throws {
        let team = try Team(kind)
        try team.importFamily()
        let name = "\(team.host)/fam/base"
        try team.expect(try team.maker.cake("push", "base", name + ":v1"))
        let again = try team.document(team.maker.cake("push", "base", name + ":v1", "--json"))
        #expect(again["bytes_sent"] == 0 && again["unchanged"] == true)
        try team.expect(try team.maker.cake("push", "tune", name + ":v2"))
        #expect(try team.user.cake("tags", name).output == "v1\nv2\n")
        #expect(try team.user.cake("ls-remote", team.host).output == name + "\n")
        let diff = try team.document(team.user.cake("diff", name + ":v1", name + ":v2", "--json"))
        #expect(diff["summary"]?["changed"] == 1 || diff.text(.compact).contains("\"changed\":1"))
        let seen = try team.document(team.user.cake("inspect", name + ":v2", "--json"))
        #expect(seen["tensor_count"] == 8 && seen["model_type"] == "llama" && seen["hidden_size"] == 64)
        #expect(!FileManager.default.fileExists(atPath: team.user.store.path))
        let copy = try team.document(team.user.cake("copy", name + ":v2", "\(team.host)/else/m:v3", "--json"))
        #expect(copy["bytes_sent"] == 0 && copy["blobs_mounted"] == copy["blobs"])
        let pulled = try team.document(team.user.cake("pull", "\(team.host)/else/m:v3", "--json"))
        #expect(pulled["commit"] == copy["digest"]?.string.map { JSONValue(String($0.dropFirst(7))) })
        try team.expect(try team.user.cake("rm", "--remote", name + ":v1"))
        #expect(try team.user.cake("tags", name).output == "v2\n")
        let gone = try team.user.cake("pull", name + ":v1")
        #expect(gone.status == 10 && gone.errors.contains("does not have fam/base:v1"))
    }

    @Test func `move from one registry to another without being stored`() throws {
        let team = try Team(.docker)
        let other = try Team(.cake)
        try team.importFamily()
        try team.expect(try team.maker.cake("push", "base", "\(team.host)/m:v1"))
        let first = try team.document(team.user.cake("copy", "\(team.host)/m:v1", "\(other.host)/x/m:v1", "--json"))
        #expect(first["bytes_sent"] == first["bytes"] && first["bytes"] != 0)
        let second = try team.document(team.user.cake("copy", "\(team.host)/m:v1", "\(other.host)/x/m:v2", "--json"))
        #expect(second["bytes_sent"] == 0)
        #expect(!FileManager.default.fileExists(atPath: team.user.store.path))
        try team.expect(
            try team.user.cake("pull", "\(other.host)/x/m:v2", "--local-dir", team.user.path("out").path))
        #expect(
            FileManager.default.contentsEqual(
                atPath: team.maker.path("base").path, andPath: team.user.path("out").path))
    }

    @Test func `that are damaged there are found by verify, and what is damaged is named`() throws {
        let registry = try DockerRegistry()
        let home = try Home()
        let model = try home.makeModel("m", tensors: 4, of: 1 << 16)
        #expect(try home.cake("import", model.path, "m").status == 0)
        let name = "\(registry.host)/team/m:v1"
        #expect(try home.cake("push", "m", name).output.contains("2 packs"))
        let user = try Home()
        let whole = try user.cake("verify", name)
        #expect(whole.status == 0 && whole.output.contains("are intact"), "\(whole.errors)")
        #expect(try user.cake("ls", "--names").output.isEmpty)
        let blobs = registry.folder.appending(path: "data/docker/registry/v2/blobs")
        let files = FileManager.default.enumerator(at: blobs, includingPropertiesForKeys: [.fileSizeKey])
        var largest: (URL, Int)?
        while let file = files?.nextObject() as? URL {
            guard file.lastPathComponent == "data" else { continue }
            let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            if size > largest?.1 ?? 0 { largest = (file, size) }
        }
        let (place, size) = try #require(largest)
        var bytes = try Data(contentsOf: place)
        bytes[size / 2] ^= 1
        try bytes.write(to: place)
        let damaged = try user.cake("verify", name)
        #expect(damaged.status == 11 && damaged.output.contains("needed by model.safetensors"), "\(damaged.output)")
        #expect(damaged.errors.contains("cannot be rebuilt"), "\(damaged.errors)")
        let document = try JSONValue(parsing: Array(user.cake("verify", name, "--json").output.utf8).span)
        #expect(document["damaged"]?.array?.count == 1)
        // The maker knows what was pushed, and reads it when told to.
        let again = try home.cake("push", "m", name, "--prove", "all")
        #expect(again.status == 11 && again.errors.contains("does not replace"), "\(again.errors)")
    }

    @Test func `go to those who may have them, by the login that was kept`() throws {
        let registry = try DockerRegistry(asksForPassword: true)
        let home = try Home()
        let model = try home.makeModel("m")
        #expect(try home.cake("import", model.path, "m").status == 0)
        let name = "\(registry.host)/m:v1"
        let refused = try home.cake("push", "m", name)
        #expect(refused.status == 15 && refused.errors.contains("cake login \(registry.host)"))
        let words = ["login", registry.host, "-u", "user", "--password-stdin"]
        let wrong = try Tool.run(Tool.cake, words, input: "guess\n", variables: ["HOME": home.folder.path])
        #expect(wrong.status == 15)
        #expect(!FileManager.default.fileExists(atPath: home.path(".docker/config.json").path))
        let right = try Tool.run(Tool.cake, words, input: "secret\n", variables: ["HOME": home.folder.path])
        #expect(right.status == 0, "\(right.errors)")
        #expect(!right.output.contains("secret"))
        let mode = try FileManager.default.attributesOfItem(atPath: home.path(".docker/config.json").path)
        #expect(mode[.posixPermissions] as? Int == 0o600)
        #expect(try home.cake("push", "m", name).status == 0)
        #expect(try home.cake("tags", name).output == "v1\n")
        #expect(try home.cake("logout", registry.host).status == 0)
        #expect(try home.cake("tags", name).status == 15)
        // A helper's word is as good, and its program is asked for no other registry.
        let bin = home.path("bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        let helper = bin.appending(path: "docker-credential-test")
        let script = """
            #!/bin/sh
            read -r host
            [ "$1 $host" = "get \(registry.host)" ] || exit 1
            echo '{"ServerURL":"x","Username":"user","Secret":"secret"}'

            """
        try Data(script.utf8).write(to: helper)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: helper.path)
        try Data(#"{"credHelpers": {"\#(registry.host)": "test"}}"#.utf8).write(to: home.path(".docker/config.json"))
        let path = bin.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
        let helped = try home.cake("tags", name, variables: ["PATH": path])
        #expect(helped.output == "v1\n", "\(helped.errors)")
    }

    @Test func `are pulled on where a killed pull stopped`() throws {
        let team = try Team(.docker)
        let model = try team.maker.makeModel("base", tensors: 24, of: 1 << 19)
        try team.expect(try team.maker.cake("import", model.path, "base"))
        let name = "\(team.host)/m:v1"
        let sent = try team.document(team.maker.cake("push", "base", name, "--json"))
        let whole = try #require(sent["bytes_sent"]?.unsigned)
        // Slow enough to be met half way.
        let pull = try team.user.start("pull", name, "--limit-rate", "4MB")
        while pull.isRunning, try team.user.bytesIncoming() < 4_000_000 {}
        pull.kill()
        let rest = try team.document(team.user.cake("pull", name, "--json"))
        let left = try #require(rest["bytes_fetched"]?.unsigned)
        #expect(left + 3_000_000 < whole)
        try team.expect(try team.user.cake("verify"))
        #expect(try team.user.bytesIncoming() == 0)
    }

    @Test func `are pushed on where a killed push stopped, and the tag is old or new`() throws {
        let team = try Team(.docker)
        try team.importFamily()
        let name = "\(team.host)/m:v1"
        try team.expect(try team.maker.cake("push", "base", name))
        let old = try team.document(team.user.cake("inspect", name, "--json"))["commit"]
        for _ in 0..<4 {
            let push = try team.maker.start("push", "tune", name)
            // Wherever it is by then.
            let before = try team.maker.bytesIncoming()
            while push.isRunning, try team.maker.bytesIncoming() == before {}
            push.kill()
            try team.expect(try Home().cake("pull", name))
        }
        try team.expect(try team.maker.cake("push", "tune", name))
        let new = try team.document(team.user.cake("inspect", name, "--json"))["commit"]
        #expect(old != new)
    }
}
