import Foundation
import Hub
import Model
import Network
import Support
import Testing

@testable import cake

/// A model with a signature among its files, on a Hub, and the settings of who pulls it.
@Suite struct `A policy, and models of the Hub,` {
    private let signing: SigningHome
    private let shelf: HubFolder
    private let user: Home
    private let config: URL

    /// `team/m` is signed, `team/bare` is not.
    init() throws {
        signing = try SigningHome()
        shelf = try HubFolder()
        user = try Home()
        config = user.path("config")
        try signing.sign()
        try #require(try signing.home.cake("export", "org/m", "-o", signing.path("out")).status == 0)
        for name in ["team/m", "team/bare"] {
            for path in ["config.json", "model.safetensors", "sub/tok.txt", ".gitattributes", "model.sig"]
            where name == "team/m" || path != "model.sig" {
                try shelf.write(name, path, Array(try Data(contentsOf: signing.home.path("out/" + path))))
            }
        }
        try require("team/*")
    }

    private func require(_ pattern: String, _ more: String = "") throws {
        let folder = user.path("settings/cake")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let text = "policy.\(pattern) = require \(signing.path("key.pub"))\n\(more)"
        try Data(text.utf8).write(to: folder.appending(path: "config"))
    }

    private func cake(_ words: String..., hub: Hub) throws -> Tool {
        try user.cake(
            words, variables: ["HF_ENDPOINT": hub.endpoint, "XDG_CONFIG_HOME": user.path("settings").path])
    }

    private func has(_ name: String) throws -> Bool {
        try user.cake("ls", "-q").output.split(separator: "\n").contains { $0 == name }
    }

    @Test func `lets in what is signed, whole or in part`() throws {
        let hub = try Hub(serving: shelf.path)
        for words in [["pull", "team/m"], ["pull", "team/m", "--include", "*.json", "--as", "part"]] {
            let done = try user.cake(
                words, variables: ["HF_ENDPOINT": hub.endpoint, "XDG_CONFIG_HOME": user.path("settings").path])
            #expect(done.status == 0, "\(words): \(done.errors)")
        }
        #expect(try has("team/m") && has("part"))
    }

    /// Each way to bring or pass on a model × why it may not be.
    @Test func `keeps out what is not signed as it says, by whatever name and verb`() throws {
        let hub = try Hub(serving: shelf.path)
        let before = hub.requests.count
        let unsigned = try cake("pull", "team/bare", hub: hub)
        #expect(unsigned.status == 10 && unsigned.errors.contains("team/bare is not signed"), "\(unsigned.errors)")
        #expect(unsigned.errors.contains("cake config policy.team/bare accept"))
        // Nothing of it was downloaded.
        #expect(!hub.requests[before...].contains { "\($0)".contains("safetensors") }, "\(hub.requests)")
        for words in [
            ["pull", "team/bare", "--as", "mine"], ["download", "team/bare"],
            ["pull", "team/bare", "--include", "*.json"], ["pull", "hf://team/bare"],
            ["pull", "team/m", "--tensors", "*"], ["stream", "team/m", "config.json", "-o", "-"],
        ] {
            let done = try user.cake(
                words, variables: ["HF_ENDPOINT": hub.endpoint, "XDG_CONFIG_HOME": user.path("settings").path])
            #expect([10, 15].contains(done.status) && done.errors.contains("signed"), "\(words): \(done.errors)")
        }
        #expect(try user.cake("ls", "-q").output == "")
        try require("team/*", "policy.team/bare = accept\n")
        #expect(try cake("pull", "team/bare", hub: hub).status == 0)
    }

    @Test(arguments: ["other-file", "more-files", "less-files", "other-key"])
    func `keeps out what was changed after it was signed`(how: String) throws {
        switch how {
        case "other-file": try shelf.write("team/m", "model.safetensors", seededBytes(4000, seed: 3))
        case "more-files": try shelf.write("team/m", "extra.py", Array("print()".utf8))
        case "less-files": try FileManager.default.removeItem(atPath: shelf.path + "/team/m/sub/tok.txt")
        default:
            try signing.makeKey("other")
            try Data(contentsOf: signing.home.path("other.pub")).write(to: signing.home.path("key.pub"))
        }
        let hub = try Hub(serving: shelf.path)
        let done = try cake("pull", "team/m", hub: hub)
        #expect(done.status == 11 && done.errors.contains("is not signed as your settings say"), "\(done.errors)")
        #expect(try !has("team/m"))
    }

    @Test func `names a key that cannot be read, and lets nothing in`() throws {
        let hub = try Hub(serving: shelf.path)
        try FileManager.default.removeItem(at: signing.home.path("key.pub"))
        let done = try cake("pull", "team/m", hub: hub)
        #expect(done.status != 0 && done.errors.contains("key.pub of your policy"), "\(done.errors)")
        #expect(try !has("team/m"))
    }

    @Test func `takes an older version only when told to`() throws {
        func bring(_ text: String) throws {
            try Data(text.utf8).write(to: signing.home.path("m/sub/tok.txt"))
            try #require(try signing.home.cake("import", signing.path("m"), "org/m", "--force").status == 0)
            try signing.sign()
            try #require(try signing.home.cake("export", "org/m", "-o", signing.path("out"), "--force").status == 0)
            for path in ["sub/tok.txt", "model.sig"] {
                try shelf.write("team/m", path, Array(try Data(contentsOf: signing.home.path("out/" + path))))
            }
        }
        let old = signing.home.path("m/sub/tok.txt")
        let first = try String(contentsOf: old, encoding: .utf8)
        let signature = Array(try Data(contentsOf: signing.home.path("out/model.sig")))
        var hub = try Hub(serving: shelf.path)
        try #require(try cake("pull", "team/m", hub: hub).status == 0)
        try bring("newer words\n")
        hub = try Hub(serving: shelf.path)
        try #require(try cake("pull", "team/m", hub: hub).status == 0)
        // With the signature that it had then.
        try shelf.write("team/m", "sub/tok.txt", Array(first.utf8))
        try shelf.write("team/m", "model.sig", signature)
        hub = try Hub(serving: shelf.path)
        let back = try cake("pull", "team/m", hub: hub)
        #expect(back.status == 1 && back.errors.contains("would go back"), "\(back.errors)")
        #expect(back.errors.contains("--allow-older"))
        #expect(try cake("cat", "team/m", "sub/tok.txt", hub: hub).output == "newer words\n")
        #expect(try cake("pull", "team/m", "--allow-older", hub: hub).status == 0)
        #expect(try cake("cat", "team/m", "sub/tok.txt", hub: hub).output == first)
    }
}
