import Foundation
import Support
import Testing

@testable import cake

/// A Hub that knows one token, on a port of its own; and a second server elsewhere that logs its requests.
private final class FakeHub {
    let port: Int
    private let child: Child
    private let input = Pipe()

    private static let program = #"""
        import http.server, sys, threading
        seen = []
        class Hub(http.server.BaseHTTPRequestHandler):
            def log_message(self, *rest): pass
            def do_GET(self):
                token = self.headers.get("Authorization")
                if self.server is foreign:
                    return self.answer(200, b'{"name":"token came along"}' if token else b'{"name":"no token came"}')
                if self.path == "/away/api/whoami-v2":
                    return self.answer(307, b"", [("Location", "http://127.0.0.1:%d/x" % foreign.server_port)])
                if self.path == "/file/api/whoami-v2": return self.answer(302, b"", [("Location", "file:///etc/passwd")])
                if self.path == "/busy/api/whoami-v2": return self.answer(503, b"later")
                if self.path != "/api/whoami-v2": return self.answer(404, b"nothing")
                if token == "Bearer hf_right":
                    return self.answer(200, b'{"name":"me","orgs":[{"name":"team"}],"auth":{"accessToken":{"displayName":"t","role":"read"}}}')
                self.answer(401, b'{"error":"Invalid username or password."}')
            def answer(self, status, body, headers=[]):
                self.send_response(status)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        foreign = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        print(hub.server_port, flush=True)
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        sys.stdin.read()
        """#

    init() throws {
        let output = Pipe()
        child = try Child(
            URL(filePath: "/usr/bin/env"), ["python3", "-c", Self.program],
            input: .descriptor(input.fileHandleForReading.fileDescriptor),
            output: .descriptor(output.fileHandleForWriting.fileDescriptor))
        try output.fileHandleForWriting.close()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    deinit { child.kill() }
}

@Suite(.enabled(if: Tool.exists("python3"))) struct `Logging in` {
    private let home = FileManager.default.temporaryDirectory.appending(path: "cake-home-\(UUID().uuidString)")
    private let hub: FakeHub
    private var token: URL { home.appending(path: "hf/token") }

    init() throws {
        hub = try FakeHub()
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    }

    private func cake(
        _ words: String..., input: String = "", path: String = "", variables: [String: String] = [:]
    ) throws -> Tool {
        let usual = [
            "HOME": home.path, "HF_HOME": home.path + "/hf", "HF_ENDPOINT": "http://127.0.0.1:\(hub.port)\(path)",
        ]
        return try Tool.run(Tool.cake, words, input: input, variables: usual.merging(variables) { $1 })
    }

    private func tidyUp() { try? FileManager.default.removeItem(at: home) }

    @Test func `saves the token for its owner's eyes, and logging out removes it`() throws {
        defer { tidyUp() }
        #expect(try cake("whoami").status == 15)
        let login = try cake("login", input: "hf_right\n")
        #expect(login.status == 0 && login.output.contains("as me"), "\(login)")
        #expect(try String(contentsOf: token, encoding: .utf8) == "hf_right")
        let attributes = try FileManager.default.attributesOfItem(atPath: token.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.path + "/hf") == ["token"])
        let who = try cake("whoami")
        #expect(who.status == 0 && who.output.hasPrefix("me\n  in team\n"), "\(who)")
        #expect(try cake("logout").status == 0)
        #expect(!FileManager.default.fileExists(atPath: token.path))
        #expect(try cake("logout").errors == "no token was saved\n")
        #expect(try cake("whoami").status == 15)
    }

    @Test func `saves no token that the Hub does not know, and none that is none`() throws {
        defer { tidyUp() }
        let wrong = try cake("login", "--token", "hf_wrong")
        #expect(wrong.status == 15 && wrong.errors.contains("rejected the token"), "\(wrong)")
        #expect(try cake("login", input: "").status == 2)
        #expect(try cake("login", input: "a b\n").status == 2)
        #expect(try cake("login", input: "hf_right\n", path: "/busy").status == 13)
        #expect(!FileManager.default.fileExists(atPath: token.path))
    }

    @Test func `takes the token from the environment before the saved one`() throws {
        defer { tidyUp() }
        #expect(try cake("login", input: "hf_right").status == 0)
        #expect(try cake("whoami", variables: ["HF_TOKEN": "hf_wrong"]).status == 15)
        #expect(try cake("whoami", variables: ["HUGGING_FACE_HUB_TOKEN": "hf_wrong"]).status == 15)
        #expect(
            try cake("whoami", variables: ["HF_TOKEN": "hf_right", "HUGGING_FACE_HUB_TOKEN": "hf_wrong"]).status == 0)
        #expect(try cake("whoami", variables: ["HF_TOKEN_PATH": home.path + "/none"]).status == 15)
        #expect(try cake("whoami", variables: ["HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]).status == 15)
        #expect(try cake("whoami", variables: ["HF_HUB_OFFLINE": "1"]).status == 16)
    }

    @Test func `takes the token to no other server, and follows nobody into files`() throws {
        defer { tidyUp() }
        let away = try cake("whoami", path: "/away", variables: ["HF_TOKEN": "hf_right"])
        #expect(away.output.hasPrefix("no token came\n"), "\(away)")
        let file = try cake("whoami", path: "/file", variables: ["HF_TOKEN": "hf_right"])
        #expect(file.status == 1 && file.errors.contains("file:"), "\(file)")
    }

    @Test func `does not show what is typed at the prompt, and shows again what comes after`() throws {
        defer { tidyUp() }
        let typist = #"""
            import os, pty, sys, termios
            child, terminal = pty.fork()
            if child == 0: os.execv(sys.argv[1], [sys.argv[1], "login"])
            said = os.read(terminal, 1000)
            while termios.tcgetattr(terminal)[3] & termios.ECHO: pass
            os.write(terminal, b"hf_right\n")
            while True:
                try: piece = os.read(terminal, 1000)
                except OSError: break
                if not piece: break
                said += piece
            print(said.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """#
        let result = try Tool.run(
            "python3", ["-c", typist, Tool.cake.path],
            variables: ["HOME": home.path, "HF_ENDPOINT": "http://127.0.0.1:\(hub.port)", "NO_COLOR": "1"])
        #expect(result.output.contains("it is not shown") && result.output.contains("logged in"), "\(result)")
        #expect(!result.output.contains("hf_right"))
        #expect(try String(contentsOf: home.appending(path: ".cache/huggingface/token"), encoding: .utf8) == "hf_right")
    }

    @Test func `shows the token nowhere`() throws {
        defer { tidyUp() }
        for result in [
            try cake("login", input: "hf_right"), try cake("whoami", "--json"), try cake("logout"),
            try cake("login", "--token", "hf_wrong", "--json"),
            try cake("whoami", path: "/none", variables: ["HF_TOKEN": "hf_right"]),
        ] {
            #expect(!(result.output + result.errors).contains("hf_"), "\(result)")
        }
    }
}
