import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

@Suite struct `What a server shows on a terminal` {
    private static func record(
        _ method: String, _ address: String, _ status: Int, bytes: UInt64 = 0, received: UInt64 = 0,
        _ duration: Duration, isWhole: Bool = true
    ) -> RequestLines.Entry {
        RequestLines.Entry(
            method: method, address: address, status: status, bytes: bytes, received: received, duration: duration,
            isWhole: isWhole)
    }

    @Test func `is a line for each request, which fits`() throws {
        let digest = "sha256:" + String(repeating: "0123456789abcdef", count: 4)
        let records = [
            Self.record("GET", "/v2/", 200, bytes: 2, .milliseconds(1)),
            Self.record("GET", "/v2/team/m/blobs/\(digest)", 206, bytes: 64_000_000, .milliseconds(812)),
            Self.record("PUT", "/v2/team/m/blobs/uploads/?digest=\(digest)", 201, received: 2_000_000, .seconds(75)),
            Self.record("GET", "/org/name/resolve/main/model-00001-of-00030.safetensors", 404, .milliseconds(3)),
            Self.record("HEAD", "/a\u{1b}[2Jb", 500, .zero), Self.record("GET", "/x", 0, .seconds(3), isWhole: false),
        ]
        var lines: [String] = []
        for (width, isOn) in [(100, false), (80, true), (40, false)] {
            for record in records {
                let line = RequestLines.line(
                    of: record, at: "18:22:04", width: width, style: Style(isOn: isOn))
                lines.append(line)
                if !isOn { #expect(TextWidth.of(line) <= width, "\(line)") }
                #expect(!line.contains("\u{1b}[2J"))
            }
        }
        try Golden.check(lines, "serve-requests")
    }

    @Test func `has the time of this machine's zone`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "HH:mm:ss"
        for moment in [0, 951_827_696, 1_796_000_000] {
            #expect(Machine.clock(moment) == formatter.string(from: Date(timeIntervalSince1970: Double(moment))))
        }
    }

    @Test func `begins with where it is, and what clients type`() throws {
        var lines: [String] = []
        for (place, isLoopback, speaksTLS, upstream) in [
            ("127.0.0.1:5111", true, false, nil), ("node:5111", false, false, "https://huggingface.co"),
            ("node:5111", false, true, nil),
        ] as [(String, Bool, Bool, String?)] {
            lines +=
                ServeGreeting(
                    address: isLoopback ? place : "0.0.0.0:5111", place: place, speaksTLS: speaksTLS,
                    allowsPush: !isLoopback, isLoopback: isLoopback, views: speaksTLS ? ["-modelpack", "-image"] : [],
                    upstream: upstream, isOffline: false, peers: upstream.map { _ in "dns:cake.racks.example:5111" }
                ).lines + [""]
        }
        try Golden.check(lines, "serve-greeting")
    }
}

@Suite struct `A server that is stopped` {
    @Test(arguments: [SIGINT, SIGTERM]) func `says so, and ends with 0`(signal: Int32) throws {
        let home = try Home()
        let server = try Served(home)
        server.child.send(signal)
        #expect(try server.child.end() == .exit(0))
        #expect(try String(contentsOf: home.path("said"), encoding: .utf8).hasSuffix("\nstopped\n"))
    }

    @Test func `cuts off what is open at the second signal`() throws {
        let home = try Home()
        let server = try Served(home, "--push")
        let client = try Client(port: server.port)
        let bytes: [UInt8] = [1, 2, 3]
        let name = BlobName(SHA256.digest(of: bytes.span))
        try client.send(
            "POST /v2/a/blobs/uploads/?digest=\(name) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n")
        try client.send([1])
        let uploads = home.store.appending(path: "registry/uploads")
        try server.child.waits(until: "the upload has begun") {
            try !FileManager.default.contentsOfDirectory(atPath: uploads.path).isEmpty
        }
        server.child.send(SIGINT)
        try server.child.waits(until: "it says that a request is open") {
            try String(contentsOf: home.path("said"), encoding: .utf8).contains("Ctrl-C again")
        }
        server.child.send(SIGINT)
        #expect(try server.child.end() == .signal(SIGINT))
        #expect(!(try String(contentsOf: home.path("said"), encoding: .utf8)).contains("stopped"))
    }
}

@Suite struct `Where a server listens` {
    @Test(arguments: [
        (["--host", "127.0.0.1", "--port", "0"], 0, "http://127.0.0.1:"), (["--port", "0"], 0, "http://127.0.0.1:"),
        (["--host", "::1", "--port", "0"], 0, "http://[::1]:"),
        (["--host", "localhost", "-p", "0"], 0, "http://127.0.0.1:"),
        (["--host", "example.org"], 2, "write it like 127.0.0.1:5111"), (["--port", "70000"], 2, "up to 65535"),
        (["--listen", "127.0.0.1:0", "--port", "1"], 2, "--listen 127.0.0.1:1"),
        (["--listen", "127.0.0.1:0", "--host", "0.0.0.0"], 2, "--listen 0.0.0.0:0"),
    ]) func `is what --host and --port say, or --listen`(words: [String], status: Int32, said: String) throws {
        let home = try Home()
        guard status == 0 else {
            let result = try home.cake(["serve"] + words)
            #expect(result.status == status && result.errors.contains(said), "\(result.errors)")
            return
        }
        try Data().write(to: home.path("said"))
        let child = try Child(
            Tool.cake, ["serve"] + words, variables: ["HOME": home.folder.path], errors: .file(home.path("said")))
        defer { child.kill() }
        try child.waits(until: "it says where it is") {
            try String(contentsOf: home.path("said"), encoding: .utf8).contains("\n")
        }
        #expect(try String(contentsOf: home.path("said"), encoding: .utf8).contains("serving on \(said)"))
    }
}
