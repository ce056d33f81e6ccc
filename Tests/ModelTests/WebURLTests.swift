import Model
import Support
import Testing

@Suite struct `An address of the web` {
    @Test(arguments: [
        ("https://huggingface.co", "https://huggingface.co/"), ("HTTPS://HuggingFace.CO/A", "https://huggingface.co/A"),
        ("http://localhost:8080/x?a=b%20c#d", "http://localhost:8080/x?a=b%20c"), ("https://a:443/", "https://a/"),
        ("http://a:443/", "http://a:443/"), ("https://a.b/x y/é", "https://a.b/x%20y/%C3%A9"),
        ("https://a.b?x", "https://a.b/?x"), ("https://a.b/?", "https://a.b/?"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("http://[::1]:80/", "http://[::1]/"), ("http://[2001:DB8::7]/", "http://[2001:db8::7]/"),
        ("https://a/b/./c/../d", "https://a/b/d"), ("https://a/../../x/..", "https://a/"),
        ("https://a//b//", "https://a//b//"),
    ]) func `is read as it is written`(text: String, normal: String) throws {
        #expect(try WebURL(text).text == normal)
    }

    @Test(arguments: [
        "", "huggingface.co", "//a/b", "https:/a", "https:a", "https://", "https:///x", "ftp://a/b",
        "file:///etc/passwd",
        "javascript:alert(1)", "https://user@a/", "https://user:pw@a/", "https://a:0/", "https://a:65536/",
        "https://a:/",
        "https://a:+1/", "https://a:8x/", "https://-a/", "https://a..b/", "https://a./", "https://.a/", "https://a b/",
        "https://a\u{0}/", "https://a/\r\nX: y", "https://a\\b/", "https://a/\\..", "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/", "https://0177.0.0.1/", "https://1.2.3.256/", "https://1.2.3.4.5/", "https://[::1/",
        "https://[::1%eth0]/", "https://[1:2:3:4:5:6:7:8:9]/", "https://[:::]/", "https://[1::2::3]/",
        "https://[12345::]/",
        "https://[::1.2.3]/", "https://[1.2.3.4::]/", "https://[]/", "https://é.com/", "https://\u{212a}.com/",
        "https://a%2eb/",
    ]) func `is refused when readers could disagree about it`(text: String) {
        #expect(throws: CakeError.self) { try WebURL(text) }
    }

    @Test(arguments: [
        ("/d?e", "https://h:1/d?e"), ("d", "https://h:1/a/b/d"), ("../d", "https://h:1/a/d"),
        ("?z", "https://h:1/a/b/c?z"),
        ("//g/x", "https://g/x"), ("http://g", "http://g/"), ("d/./e/", "https://h:1/a/b/d/e/"),
        ("/x#y", "https://h:1/x"), ("../../../../x", "https://h:1/x"), ("/é", "https://h:1/%C3%A9"),
    ]) func `leads to where its Location says`(location: String, target: String) throws {
        #expect(try WebURL("https://h:1/a/b/c?q=1").resolving(location).text == target)
    }

    @Test func `shows its query to nobody`() throws {
        let url = try WebURL("https://cdn.example/file?Signature=secret")
        #expect("\(url)" == "https://cdn.example/file")
        let error = try #require(throws: CakeError.self) { try WebURL("gopher://a/b?Signature=secret") }
        #expect(!"\(error)".contains("secret"))
    }

    @Test(
        arguments: [
            ("127.0.0.1", .machine), ("localhost", .machine), ("a.localhost", .machine), ("0.0.0.0", .machine),
            ("[::1]", .machine), ("[::]", .machine), ("[::ffff:127.0.0.1]", .machine), ("[::7f00:1]", .machine),
            ("[64:ff9b::127.0.0.1]", .machine), ("[2002:7f00:1::]", .machine), ("169.254.169.254", .link),
            ("[fe80::1]", .link),
            ("[ff02::1]", .link), ("10.1.2.3", .network), ("172.16.0.1", .network), ("172.31.255.255", .network),
            ("192.168.1.1", .network), ("100.64.0.1", .network), ("[fd00::1]", .network),
            ("[::ffff:10.0.0.1]", .network),
            ("registry", .network), ("172.32.0.1", .world), ("8.8.8.8", .world), ("[2001:4860::8888]", .world),
            ("huggingface.co", .world), ("11.0.0.1", .world),
        ] as [(String, Host.Reach)]) func `reaches as far as its host`(host: String, reach: Host.Reach) throws
    {
        #expect(try WebURL("http://\(host)/").origin.host.reach == reach)
    }

    @Test func `never stops the program, whatever it is`() {
        var random = SeededNumbers(seed: 2)
        let seeds = ["https://[2001:db8::1.2.3.4]:8080/a/../b%20c?d=e#f", "http://127.0.0.1:80/x", "//host/../..?x"]
        for _ in 0..<4000 {
            let seed = seeds.randomElement(using: &random) ?? ""
            let text = String(decoding: random.mutate(Array(seed.utf8)), as: UTF8.self)
            _ = try? WebURL(text)
            if let found = try? WebURL("https://a/b/c").resolving(text) {
                #expect((try? WebURL(found.text)) == found, "\(text)")
            }
        }
    }
}

@Suite struct `A redirect` {
    private func follow(_ start: String, _ locations: String?...) throws -> Redirects {
        var redirects = Redirects(from: try WebURL(start))
        for location in locations { try redirects.follow(location, at: nil) }
        return redirects
    }

    @Test func `to the same server keeps the token, to any other drops it for good`() throws {
        #expect(try follow("https://h/a", "/b", "https://h:443/c").mayCarryToken)
        for other in ["https://g/x", "https://h:444/x", "https://sub.h/x"] {
            #expect(try !follow("https://h/a", other).mayCarryToken)
        }
        #expect(try !follow("http://h/a", "https://h/a").mayCarryToken)
        #expect(try !follow("https://h.io/a", "https://g.io/x", "https://h.io/a").mayCarryToken)
    }

    @Test func `inside a machine or a network is fine`() throws {
        #expect(try follow("http://127.0.0.1:1/a", "http://127.0.0.1:2/b").url.text == "http://127.0.0.1:2/b")
        #expect(try follow("http://localhost:1/a", "http://127.0.0.1:2/b").hops == 1)
        #expect(try follow("http://10.0.0.1/a", "http://10.0.0.2/b", "https://cdn.example/x").hops == 2)
    }

    @Test(arguments: [
        ("https://h.io/a", nil, "redirects without an address"), ("https://h.io/a", "http://h.io/b", "not encrypted"),
        ("https://h.io/a", "file:///etc/passwd", "file:"), ("https://h.io/a", "https://127.0.0.1/b", "local network"),
        ("https://h.io/a", "https://[::ffff:169.254.169.254]/b", "local network"),
        ("http://h.io/a", "http://10.0.0.1/b", "local network"),
        ("http://h.io/a", "http://localhost/b", "local network"),
        ("http://10.0.0.1/a", "http://169.254.169.254/b", "local network"),
        ("http://10.0.0.1/a", "http://127.0.0.1/b", "local network"),
        ("https://h.io/a", "https://u:p@g.io/b", "user's name"),
        ("https://h.io/a", "", "empty"), ("https://h.io/a", "/b\r\nX: y", "control"),
    ]) func `is refused when it leads where it should not`(start: String, location: String?, why: String) throws {
        let error = try #require(throws: CakeError.self) { try follow(start, location) }
        #expect(error.kind == .failed)
        #expect(error.what.contains(why), "\(error)")
    }

    @Test func `follows ten others and no more`() throws {
        var redirects = try follow("https://h.io/0")
        for step in 1...10 { try redirects.follow("/\(step)", at: nil) }
        let error = try #require(throws: CakeError.self) { try redirects.follow("/11", at: nil) }
        #expect(error.what.contains("more than 10 times"))
    }
}
