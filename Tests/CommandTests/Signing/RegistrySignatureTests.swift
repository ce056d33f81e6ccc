import Foundation
import Model
import Support
import Testing

@testable import cake

/// Signatures beside models in registries: docker's keeps no list of them, cake's does.
@Suite(.enabled(if: DockerRegistry.isThere, "docker-registry is not installed: scripts/test installs it"))
struct `A signature in a registry` {
    enum Kind: CaseIterable { case docker, cake }

    private final class Team {
        let signing: SigningHome
        let user: Home
        let docker: DockerRegistry?
        let served: Served?
        private let server: Home
        let host: String

        init(_ kind: Kind, policy: String = "") throws {
            (signing, user, server) = (try SigningHome(), try Home(), try Home())
            if !policy.isEmpty { try Team.write(policy.replacing("KEY", with: signing.path("key.pub")), for: server) }
            switch kind {
            case .docker:
                let registry = try DockerRegistry()
                (docker, served, host) = (registry, nil, registry.host)
            case .cake:
                let own = try Served(server, "--push")
                (docker, served, host) = (nil, own, "127.0.0.1:\(own.port)")
            }
        }

        static func write(_ settings: String, for home: Home) throws {
            let folder = home.folder.appending(path: ".config/cake")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(settings.utf8).write(to: folder.appending(path: "config"))
        }

        func require() throws {
            try Team.write("policy.\(host)/* = require \(signing.path("key.pub"))\n", for: user)
        }

        func push(_ place: String) throws -> Tool { try signing.home.cake("push", "org/m", "\(host)/\(place)") }
    }

    @Test(arguments: Kind.allCases)
    fileprivate func `goes with a push, comes with a pull, and opens the door of a policy`(_ kind: Kind) throws {
        let team = try Team(kind)
        try team.require()
        #expect(try team.push("team/bare:v1").status == 0)
        let bare = try team.user.cake("pull", "\(team.host)/team/bare:v1")
        #expect(bare.status == 10 && bare.errors.contains("is not signed"), "\(bare.errors)")
        try team.signing.makeKey("second")
        try team.signing.sign()
        try team.signing.sign(key: "second")
        let pushed = try team.push("team/m:v1")
        #expect(pushed.status == 0 && pushed.output.contains("with 2 signatures of the store"), "\(pushed.errors)")
        // Again, and it sends none twice.
        #expect(try team.push("team/m:v1").output.contains("named this model already"))
        let pulled = try team.user.cake("pull", "\(team.host)/team/m:v1", "m")
        #expect(pulled.status == 0, "\(pulled.errors)")
        for key in ["key.pub", "second.pub"] {
            let done = try team.user.cake("verify", "m", "--signature", "--key", team.signing.path(key))
            #expect(done.status == 0, "\(done.errors)")
        }
        // Signed later: the tag is there already.
        try team.signing.sign()
        #expect(try team.push("team/bare:v1").status == 0)
        #expect(try team.user.cake("pull", "\(team.host)/team/bare:v1").status == 0)
    }

    /// A file of the model is read when it is here, and not before.
    @Test func `may be a file of the model, with a policy and without`() throws {
        let team = try Team(.cake)
        try team.signing.sign()
        let out = team.signing.path("shipped")
        try #require(try team.signing.home.cake("export", "org/m", "-o", out).status == 0)
        try #require(try team.signing.home.cake("import", out, "org/shipped").status == 0)
        let place = "\(team.host)/team/shipped:v1"
        try #require(try team.signing.home.cake("push", "org/shipped", place).status == 0)
        #expect(try team.user.cake("pull", place, "free").status == 0)
        let other = try Home()
        try Team.write("policy.\(team.host)/* = require \(team.signing.path("key.pub"))\n", for: other)
        let pulled = try other.cake("pull", place)
        #expect(pulled.status == 0, "\(pulled.errors)")
    }

    @Test(arguments: Kind.allCases)
    fileprivate func `goes with a copy`(_ kind: Kind) throws {
        let team = try Team(kind)
        try team.require()
        try team.signing.sign()
        try #require(try team.push("team/m:v1").status == 0)
        let copied = try team.user.cake("copy", "\(team.host)/team/m:v1", "\(team.host)/other/m:v2")
        #expect(copied.status == 0, "\(copied.errors)")
        let pulled = try team.user.cake("pull", "\(team.host)/other/m:v2")
        #expect(pulled.status == 0, "\(pulled.errors)")
    }

    /// Of cake's own shape and of others: what is signed are files.
    @Test(arguments: ["v1", "v1-image", "v1-modelpack"])
    fileprivate func `goes with other shapes, and is shown with them by who serves the model`(tag: String) throws {
        let team = try Team(.cake)
        try team.signing.sign()
        let shape = tag.split(separator: "-").dropFirst().first.map(String.init)
        let pushed = try team.signing.home.cake(
            ["push", "org/m", "\(team.host)/team/m:\(tag)"] + (shape.map { ["--as", $0] } ?? []))
        #expect(pushed.status == 0 && pushed.output.contains("with 1 signature of the store"), "\(pushed.errors)")
        let served = try Served(team.signing.home, "--views", "image,modelpack")
        let own = "127.0.0.1:\(served.port)/org/m:\(tag.replacing("v1", with: "latest"))"
        try Team.write(
            "policy.127.0.0.1:* = require \(team.signing.path("key.pub"))\n", for: team.user)
        for place in ["\(team.host)/team/m:\(tag)", own] {
            var pulled = try team.user.cake("pull", place)
            // A view is there when its layers were hashed.
            while pulled.errors.contains("try again in a while") { pulled = try team.user.cake("pull", place) }
            #expect(pulled.status == 0, "\(place): \(pulled.errors)")
        }
    }

    /// A bundle is a way to bring a model, too.
    @Test func `opens the door for a bundle`() throws {
        let team = try Team(.cake)
        try Team.write("policy.org/* = require \(team.signing.path("key.pub"))\n", for: team.user)
        let bundle = team.signing.path("m.tar")
        try #require(try team.signing.home.cake("save", "org/m", "-o", bundle).status == 0)
        let bare = try team.user.cake("load", bundle)
        #expect(bare.status == 10 && bare.errors.contains("org/m is not signed"), "\(bare.errors)")
        try team.signing.sign()
        try #require(try team.signing.home.cake("save", "org/m", "-o", bundle, "--force").status == 0)
        let loaded = try team.user.cake("load", bundle)
        #expect(loaded.status == 0, "\(loaded.errors)")
        #expect(try team.user.cake("verify", "org/m", "--signature", "--key", team.signing.path("key.pub")).status == 0)
    }

    @Test func `is required of a push by the settings of who serves`() throws {
        let team = try Team(.cake, policy: "policy.team/* = require KEY\n")
        let bare = try team.push("team/m:v1")
        #expect(bare.status != 0 && bare.errors.contains("have to be signed"), "\(bare.errors)")
        #expect(try team.user.cake("tags", "\(team.host)/team/m").output.split(separator: "\n").isEmpty)
        #expect(try team.push("free/m:v1").status == 0)
        try team.signing.makeKey("other")
        try team.signing.sign(key: "other")
        let other = try team.push("team/m:v1")
        #expect(other.status != 0 && other.errors.contains("another key"), "\(other.errors)")
        try team.signing.sign()
        let done = try team.push("team/m:v1")
        #expect(done.status == 0, "\(done.errors)")
        #expect(try team.user.cake("pull", "\(team.host)/team/m:v1").status == 0)
    }
}
