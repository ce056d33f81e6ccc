import Model
import Support
import Testing

@Suite struct `A file of logins` {
    private func file(_ text: String) throws -> LoginFile { try LoginFile(parsing: Array(text.utf8).span) }

    @Test func `gives the login of the longest path, else of the host, however the host is written`() throws {
        let pair = Base64.encode("a:b".utf8)
        let other = Base64.encode("c:d:e".utf8)
        let file = try file(
            """
            {"auths": {"https://r.io/v2/": {"auth": "\(pair)"}, "r.io/team/m": {"auth": "\(other)"},
                       "https://index.docker.io/v1/": {"identitytoken": "t"}, "x.io": {"auth": "@@"}}}
            """)
        #expect(file.login(for: "r.io")?.user == "a")
        #expect(file.login(for: "r.io", "team/m/deep")?.secret == .password(user: "c", "d:e"))
        #expect(file.login(for: "r.io", "team/model")?.user == "a")
        #expect(file.login(for: "docker.io")?.secret == .identity("t"))
        #expect(file.login(for: "x.io") == nil && file.login(for: "y.io") == nil)
    }

    @Test func `names the host's own helper before the one for all, and none that is no program's name`() throws {
        let file = try file(#"{"credHelpers": {"r.io": "own", "e.io": "../evil"}, "credsStore": "all"}"#)
        #expect(file.helper(for: "r.io") == "own" && file.helper(for: "x.io") == "all")
        #expect(file.helper(for: "e.io") == nil)
    }

    @Test func `keeps what it does not know, and forgets a login alone`() throws {
        var file = try file(#"{"psFormat": "x", "auths": {"r.io": {"auth": "YTpi"}, "s.io": {"auth": "YTpi"}}}"#)
        file.keep(try RegistryLogin(user: "me", password: "p"), for: "r.io")
        #expect(file.login(for: "r.io")?.user == "me" && file.login(for: "s.io")?.user == "a")
        #expect(file.forget("s.io") && !file.forget("s.io"))
        let again = try LoginFile(parsing: file.bytes.span)
        #expect(again.login(for: "s.io") == nil && again.login(for: "r.io")?.user == "me")
        #expect(String(decoding: file.bytes, as: UTF8.self).contains("psFormat"))
    }

    @Test func `has its letters in base 64, padded or not`() {
        for count in 0..<40 {
            let bytes = seededBytes(count, seed: UInt64(count))
            let text = Base64.encode(bytes)
            #expect(text.utf8.count % 4 == 0 && Base64.decode(text) == bytes)
            #expect(Base64.decode(String(text.prefix { $0 != "=" })) == bytes)
        }
        for text in ["A", "A===", "!!!!"] { #expect(Base64.decode(text) == nil) }
    }

    @Test func `shows no password to whoever prints one`() throws {
        let login = try RegistryLogin(user: "me", password: "hidden")
        var dumped = ""
        dump(login, to: &dumped)
        #expect(!"\(login) \(String(reflecting: login)) \(dumped)".contains("hidden"))
    }
}
