import Foundation
import Hub
import Model
import Network
import Platform
import Support
import Testing

@testable import cake

/// The cake that people run, three times, as a rack.
@Suite struct `A ring of mirrors of which one is killed` {
    private static func freePort() throws -> UInt16 {
        try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: BlockingPool(threads: 1)) { _ in
            .quick { ServerReply(404) }
        }.port
    }

    private static func metric(_ name: String, of server: Served) throws -> UInt64 {
        let line = try server.ask("GET", "/metrics").text.split(separator: "\n").first { $0.hasPrefix("cake_\(name) ") }
        return UInt64(try #require(line).split(separator: " ")[1]) ?? 0
    }

    @Test func `ends every download with the right bytes`() throws {
        let folder = try HubFolder()
        let weights = seededBytes(6 << 20, seed: 1)
        try folder.write("org/model", ["weights.bin": weights])
        let hub = try Hub(serving: folder.path, HubSettings())
        defer { hub.stop() }
        hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn())
        let homes = try (0..<3).map { _ in try Home() }
        let ports = try homes.map { _ in try Self.freePort() }
        let list = ports.map { "127.0.0.1:\($0)" }
        var servers = try zip(homes, list).map { home, address in
            let secret = home.path("ring")
            try Data("a-secret-of-tests-which-is-long\n".utf8).write(to: secret)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: secret.path)
            return try Served(
                home, "--upstream", hub.endpoint, "--peers", list.joined(separator: ","), "--peer-token-file",
                secret.path, listen: address)
        }
        for server in servers {
            try server.child.waits(until: "the others answer") { try Self.metric("mirror_peers", of: server) == 2 }
        }
        let address = "/org/model/resolve/main/weights.bin"
        let clients = try servers.map { try Client(port: $0.port) }
        var begun: [[UInt8]] = []
        for client in clients {
            try client.send("GET \(address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            begun.append(try client.readBody(upTo: 500_000))
        }
        // The one that no peer sends anything downloads it from the Hub.
        let owner = try #require(try servers.firstIndex { try Self.metric("mirror_peer_bytes_total", of: $0) == 0 })
        #expect(
            try servers.indices.allSatisfy {
                try $0 == owner || Self.metric("mirror_peer_bytes_total", of: servers[$0]) > 0
            })
        servers[owner].child.kill()
        try servers[owner].child.end()
        servers.remove(at: owner)
        hub.behave()
        hub.release()
        for index in clients.indices where index != owner {
            let rest = try clients[index].readBody(upTo: weights.count - begun[index].count)
            #expect(begun[index] + rest == weights)
        }
        for (index, server) in servers.enumerated() {
            #expect(try server.ask("GET", address).body == weights)
            try server.end()
            let home = homes[index < owner ? index : index + 1]
            let said = try String(contentsOf: home.path("said"), encoding: .utf8)
            #expect(said.contains("peer 127.0.0.1:\(ports[owner]) is passed over: "), "\(said)")
            #expect(try home.cake("verify").status == 0)
        }
        #expect(hub.sent(.cdn()) < UInt64(2 * weights.count))
    }

    @Test func `is not begun with settings that make no sense`() throws {
        let home = try Home()
        let secret = home.path("ring")
        try Data("a-secret-of-tests-which-is-long".utf8).write(to: secret)
        let (upstream, key) = (["--upstream", "http://127.0.0.1:1"], ["--peer-token-file", secret.path])
        func with(_ words: [String], mode: Int = 0o600) throws -> String {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: secret.path)
            let tool = try home.cake(["serve", "--listen", "127.0.0.1:0"] + words)
            #expect(tool.status == 2, "\(words): \(tool.errors)")
            return tool.errors
        }
        #expect(try with(["--peers", "a:1"] + key).contains("need an upstream"))
        #expect(try with(upstream + ["--peers", "a:1"]).contains("--peer-token-file is missing"))
        #expect(try with(upstream + key).contains("--peer-token-file is for --peers"))
        #expect(try with(upstream + key + ["--peers", ""]).contains("is empty"))
        #expect(try with(upstream + key + ["--peers", " , "]).contains("names no server"))
        for list in ["a:1,b/c", "ftp://a:1", "a:99999", "a:1,a b!:1"] {
            #expect(try with(upstream + key + ["--peers", list]).contains("is not a server"), "\(list)")
        }
        #expect(try with(upstream + key + ["--peers", "a:1,A:1"]).contains("twice"))
        for name in ["dns:", "dns:10.0.0.1:5", "dns:https://a:1"] {
            #expect(try with(upstream + key + ["--peers", name]).contains("--peers"), "\(name)")
        }
        let open = try with(upstream + key + ["--peers", "a:1"], mode: 0o644)
        #expect(open.contains("every account of this machine") && open.contains("chmod 600"))
        #expect(
            try with(["--upstream", "oci://registry.example/team"] + key + ["--peers", "a:1"]).contains("is a registry")
        )
        #expect(try with(["--max-connections", "7"]).contains("--max-connections"))
        let limited = try Tool.run(
            "/bin/sh",
            ["-c", "ulimit -n 2000; exec \(Tool.cake.path) serve --listen 127.0.0.1:0 --max-connections 3000"],
            variables: ["HOME": home.folder.path])
        #expect(limited.status == 2 && limited.errors.contains("LimitNOFILE=4024"), "\(limited.errors)")
        try Data("short".utf8).write(to: secret)
        #expect(try with(upstream + key + ["--peers", "a:1"]).contains("at least 16"))
        let none = try home.cake(
            ["serve"] + upstream + ["--peers", "a:1", "--peer-token-file", home.path("none").path])
        #expect(none.status != 0 && none.errors.contains("none"))
    }
}
