import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `cake version` {
    private let home: Home

    init() throws { home = try Home() }

    private func document() throws -> JSONValue { try ModelFolder.document(try home.cake("version", "--json")) }

    @Test func `names the program, how it was built, its libraries and the machine`() throws {
        let document = try document()
        #expect(document["version"] == JSONValue(CakeVersion.text))
        #expect(document["build"]?["configuration"] == "debug")
        #expect(document["machine"]?["processors"]?.unsigned ?? 0 > 0)
        let libraries = (document["libraries"]?.array ?? []).compactMap { $0["name"]?.string }
        #expect(Set(libraries).isSuperset(of: ["libcurl", "libmicrohttpd", "openssl", "zstd", "zlib", "glibc"]))
        for library in document["libraries"]?.array ?? [] {
            #expect(library["version"]?.string?.first?.isNumber == true, "\(library)")
        }
    }

    @Test func `says the same in words, and the version alone with --quiet, as cake --version does`() throws {
        let lines = try home.cake("version").output.split(separator: "\n").map(String.init)
        #expect(lines.first == "cake \(CakeVersion.text)")
        for word in ["commit", "built", "libraries", "machine"] {
            #expect(lines.contains { $0.hasPrefix("  \(word) ") }, "\(lines)")
        }
        let short = try home.cake("--version").output
        #expect(short == "cake \(CakeVersion.text)\n")
        #expect(try home.cake("version", "--quiet").output == short)
        #expect(
            try ModelFolder.document(try home.cake("--version", "--json")) == ["version": JSONValue(CakeVersion.text)])
    }
}

@Suite struct `cake self-test` {
    private let home: Home
    private let temporary: URL

    init() throws {
        home = try Home()
        temporary = home.path("tmp")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    }

    private func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: temporary.path) }

    @Test func `tries each way of a model, and leaves nothing`() throws {
        let result = try home.cake("self-test", "--json", variables: ["TMPDIR": temporary.path])
        #expect(result.status == 0 && result.errors == "", "\(result.errors)")
        let document = try ModelFolder.document(result)
        #expect(document["passed"] == true)
        let steps = (document["steps"]?.array ?? []).compactMap { $0["name"]?.string }
        #expect(steps == ["make", "import", "serve", "push", "pull", "export", "verify"])
        for speed in ["hash", "encode", "decode"] {
            #expect(document["bytes_per_second"]?[speed]?.unsigned ?? 0 > 0, "\(speed)")
        }
        #expect(["portable", "AVX2", "AVX-512"].contains(document["machine"]?["simd"]?.string))
        #expect(try left() == [])
        #expect(!FileManager.default.fileExists(atPath: home.store.path))
    }

    @Test func `uses nothing that a person has set`() throws {
        let set = [
            "TMPDIR": temporary.path, "http_proxy": "http://127.0.0.1:1", "HF_HUB_OFFLINE": "1",
            "CAKE_MIRRORS": "nonsense",
            "CAKE_LOWER": "/nonexistent", "HF_TOKEN": "not a token",
        ]
        let result = try home.cake("self-test", variables: set)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("cake \(CakeVersion.text) works here"))
        #expect(result.output.contains("one thread"))
        #expect(try home.cake("self-test", "--quiet", variables: ["TMPDIR": temporary.path]).output == "")
    }

    @Test(.enabled(if: (try? Tool.run("unshare", ["--net", "true"]).status) == 0))
    func `says which step failed where a machine has no loopback`() throws {
        let result = try Tool.run(
            "unshare", ["--net", Tool.cake.path, "self-test"],
            variables: ["HOME": home.folder.path, "TMPDIR": temporary.path])
        #expect(result.status == 13)
        #expect(result.output == "")
        #expect(result.errors.contains("cake self-test failed at push: "), "\(result.errors)")
        #expect(try left() == [])
    }

    @Test func `says where it cannot write`() throws {
        let result = try home.cake("self-test", variables: ["TMPDIR": "/proc"])
        #expect(result.status != 0)
        #expect(result.errors.contains("/proc"), "\(result.errors)")
    }

    @Test func `removes its folder on Ctrl-C, wherever it is`() throws {
        let variables = ["TMPDIR": temporary.path]
        let calls = try home.calls("self-test", "-q", variables: variables)
        for share in [5, 40, 80] {
            let at = ["CAKE_TEST_SIGNAL": "\(SIGINT)@\(1 + calls * share / 100)"].merging(variables) { $1 }
            let test = try home.start("self-test", "-q", variables: at)
            #expect(try test.end() == .signal(SIGINT), "at \(share) %")
            #expect(try left() == [], "at \(share) %")
        }
    }
}
