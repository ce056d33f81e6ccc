import Foundation
import Model
import Support
import Testing

@testable import cake

/// Spellings of registries, and messages about logins.
@Suite struct `A registry by its address` {
    private static func auths(_ home: Home) throws -> [String: JSONValue] {
        let bytes = Array(try Data(contentsOf: home.path(".docker/config.json")))
        let members = try JSONValue(parsing: bytes.span)["auths"]?.object?.members ?? []
        return Dictionary(members.map { ($0.key, $0.value) }) { $1 }
    }

    private static func keep(_ keys: [String], _ home: Home) throws {
        let entries = keys.map { #""\#($0)": {"auth": "dTpw"}"# }.joined(separator: ",")
        try FileManager.default.createDirectory(at: home.path(".docker"), withIntermediateDirectories: true)
        try Data(#"{"auths": {\#(entries)}}"#.utf8).write(to: home.path(".docker/config.json"))
    }

    @Test(arguments: [
        ("localhost:5000", "localhost:5000"), ("https://localhost:5000", "localhost:5000"),
        ("https://localhost:5000/", "localhost:5000"), ("oci://localhost:5000", "localhost:5000"),
        ("oci+https://localhost:5000", "localhost:5000"), ("HTTPS://LocalHost:5000", "localhost:5000"),
        ("LOCALHOST:5000", "localhost:5000"), ("https://localhost:5000/team/m:v1", "localhost:5000"),
        ("localhost:5000/team/m:v1", "localhost:5000"), ("ghcr.io", "ghcr.io"), ("GHCR.io/", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"), ("ghcr.io", "https://ghcr.io"), ("ghcr.io", "GHCR.IO"),
        ("docker.io", "https://index.docker.io/v1/"), ("https://index.docker.io/v1/", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"), ("quay.io/team", "quay.io/team"),
    ])
    func `is logged out of, in whatever way it is written`(typed: String, key: String) throws {
        let home = try Home()
        try Self.keep([key, "other.example"], home)
        let out = try home.cake("logout", typed)
        #expect(out.status == 0 && out.output.hasPrefix("logged out of "), "\(out.errors)")
        #expect(try Array(Self.auths(home).keys) == ["other.example"])
        let again = try home.cake("logout", typed)
        #expect(again.status == 0 && again.errors.contains("no login"), "\(again.errors)")
    }

    @Test(arguments: ["https://", "a b", "ftp://ghcr.io", "user@ghcr.io", "/"])
    func `is none when it can be no host`(typed: String) throws {
        let home = try Home()
        try Self.keep(["ghcr.io"], home)
        #expect(try home.cake("logout", typed).status == 2)
        #expect(try home.cake("login", typed, "-u", "me", "--password-stdin").status == 2)
        #expect(try Self.auths(home).count == 1)
    }

    @Test func `that podman has a login for is told of`() throws {
        let home = try Home()
        try Self.keep(["ghcr.io"], home)
        let folder = home.path(".config/containers")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: home.path(".docker/config.json"), to: folder.appending(path: "auth.json"))
        #expect(try home.cake("logout", "ghcr.io").errors.contains("containers/auth.json has a login for ghcr.io"))
    }

    @Test(.enabled(if: DockerRegistry.isThere, "docker-registry is not installed: scripts/test installs it"))
    func `says which password is wrong`() throws {
        let registry = try DockerRegistry(asksForPassword: true)
        let home = try Home()
        let none = try home.cake("tags", "\(registry.host)/m")
        #expect(none.status == 15 && none.errors.contains("needs a login"), "\(none.errors)")
        let words = ["login", registry.host, "-u", "user", "--password-stdin"]
        let wrong = try Tool.run(Tool.cake, words, input: "guess\n", variables: ["HOME": home.folder.path])
        #expect(wrong.status == 15 && wrong.errors.contains("rejected the user name or password"), "\(wrong.errors)")
        try Self.keep([registry.host], home)
        let kept = try home.cake("tags", "\(registry.host)/m")
        // The answer is the same for a correct password without the right.
        #expect(
            kept.status == 15 && kept.errors.contains("refused the login, or the login has no right"), "\(kept.errors)")
        #expect(kept.errors.contains("cake login \(registry.host) checks user name and password"))
    }

    /// A server of cake's that speaks TLS alone, on this machine.
    private final class Encrypted {
        let home: Home
        let served: Served
        let certificate: String
        var host: String { "127.0.0.1:\(served.port)" }

        init() throws {
            home = try Home()
            certificate = home.path("certificate.pem").path
            let made = try Tool.run(
                URL(filePath: "/usr/bin/env"),
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    home.path("key.pem").path, "-out", certificate,
                ])
            try #require(made.status == 0, "\(made.errors)")
            let model = try home.makeModel("m")
            try #require(try home.cake("import", model.path, "team/m").status == 0)
            served = try Served(
                home, "--push", "--tls-certificate", certificate, "--tls-key", home.path("key.pem").path)
        }
    }

    @Test func `on this machine by TLS keeps its spelling, in hints and for what was pulled`() throws {
        let server = try Encrypted()
        let name = "https://\(server.host)/team/m"
        let home = try Home()
        func cake(_ words: String..., input: String = "") throws -> Tool {
            try Tool.run(
                Tool.cake, words, input: input,
                variables: ["HOME": home.folder.path, "SSL_CERT_FILE": server.certificate])
        }
        let pulled = try cake("pull", name)
        #expect(pulled.status == 0, "\(pulled.errors)")
        for spelling in [name, name + ":latest", "oci+https://\(server.host)/team/m", "oci://\(server.host)/team/m"] {
            let out = home.path("out \(UUID())").path
            let exported = try cake("export", spelling, "-o", out)
            #expect(exported.status == 0, "\(spelling): \(exported.errors)")
            #expect(FileManager.default.contentsEqual(atPath: server.home.path("m").path, andPath: out))
            for words in [
                ["inspect", spelling], ["ls", spelling], ["verify", spelling], ["diff", spelling, spelling],
            ] {
                let done = try Tool.run(Tool.cake, words, variables: ["HOME": home.folder.path, "HF_HUB_OFFLINE": "1"])
                #expect(done.status == 0, "\(words): \(done.errors)")
                #expect(words[0] != "ls" || done.output.contains("team/m"), "\(spelling): \(done.output)")
            }
            #expect(try cake("tag", spelling, "mine", "--force").status == 0)
        }
        let read = try cake("verify", "--remote", name)
        #expect(read.status == 0 && read.output.contains("are intact"), "\(read.errors)")
        #expect(try cake("rm", name).status == 0)
        #expect(try cake("ls", "--names").output == "mine\n")
        let secret = try server.home.cake("serve", "token", "add", "ci", "--read=*").output
        let token = try #require(secret.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("cake_") })
        let refused = try cake("pull", name)
        let hint = "cake login https://\(server.host)"
        #expect(refused.status == 15 && refused.errors.contains(hint), "\(refused.errors)")
        // The printed fix works.
        let login = try cake("login", "https://\(server.host)", "-u", "me", "--password-stdin", input: "\(token)\n")
        #expect(login.status == 0, "\(login.errors)")
        #expect(try cake("pull", name).status == 0)
        #expect(try cake("logout", "https://\(server.host)").status == 0)
        #expect(try Self.auths(home).isEmpty)
        #expect(try cake("pull", name).status == 15)
    }

    @Test func `on this machine by TLS is an upstream`() throws {
        let server = try Encrypted()
        for upstream in [
            "oci+https://\(server.host)", "https://\(server.host)/team", "OCI+HTTPS://\(server.host)/team/",
        ] {
            let home = try Home()
            let served = try Served(home, "--upstream", upstream, variables: ["SSL_CERT_FILE": server.certificate])
            let path = upstream.contains("/team") ? "m" : "team/m"
            let reply = try served.ask("GET", "/\(path)/resolve/main/config.json")
            #expect(reply.status == 200 && reply.text.contains("llama"), "\(upstream): \(reply.status) \(reply.text)")
        }
        let home = try Home()
        let served = try Served(home, "--upstream", "oci://\(server.host)")
        let reply = try served.ask("GET", "/api/models/team/m")
        #expect(reply.status == 502 && reply.text.contains("oci+https://"), "\(reply.status) \(reply.text)")
        var said = ""
        while served.child.isRunning, !said.contains("uses TLS") {
            said = try String(contentsOf: home.path("said"), encoding: .utf8)
        }
        #expect(said.contains("oci+https://\(server.host)"), "\(said)")
    }
}
