import Model
import Testing

@Suite struct `An address` {
    @Test(
        arguments: [
            ("8.8.8.8", .world), ("2001:4860:4860::8888", .world), ("10.1.2.3", .network), ("172.16.0.1", .network),
            ("172.32.0.1", .world), ("192.168.1.1", .network), ("100.64.0.1", .network), ("100.128.0.1", .world),
            ("198.18.0.1", .network), ("fd00::1", .network), ("fec0::1", .network), ("169.254.169.254", .link),
            ("fe80::1", .link), ("224.0.0.1", .link), ("255.255.255.255", .link), ("ff02::1", .link),
            ("127.0.0.1", .machine), ("127.255.0.9", .machine), ("0.0.0.0", .machine), ("0.1.2.3", .machine),
            ("::1", .machine), ("::", .machine), ("::ffff:127.0.0.1", .machine), ("::ffff:10.0.0.1", .network),
            ("::ffff:8.8.8.8", .world), ("::127.0.0.1", .machine), ("64:ff9b::7f00:1", .machine),
            ("64:ff9b::808:808", .world), ("2002:7f00:1::", .machine), ("2002:a00:1::", .network),
            ("", .machine), ("hub.example", .machine), ("/run/socket", .machine),
        ] as [(String, Host.Reach)]) func `reaches as far as it does, however it is written`(
            text: String, reach: Host.Reach
        )
    {
        #expect(Host.Reach(ofAddress: text) == reach)
    }

    private func follow(
        _ location: String, from start: String, at answered: Host.Reach?
    ) throws(CakeError) -> Host.Reach? {
        var way = Redirects(from: try WebURL(start))
        #expect(way.limit == nil)
        try way.follow(location, at: answered)
        return way.limit?.reach
    }

    @Test func `that a server sends to may reach no further in than the server's own`() throws {
        // A public server, by a name or through a proxy.
        #expect(try follow("https://cdn.example/", from: "https://hub.example/", at: .world) == .world)
        #expect(try follow("https://cdn.example/", from: "https://hub.example/", at: nil) == .world)
        for inside in ["localhost", "10.0.0.1", "rack", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
            for answered in [Host.Reach.world, nil] {
                #expect(throws: CakeError.self) {
                    try follow("https://\(inside)/", from: "https://hub.example/", at: answered)
                }
            }
        }
        // A server that has a public name and lies within.
        #expect(try follow("https://10.0.0.1/", from: "https://hub.corp.example/", at: .network) == .network)
        #expect(throws: CakeError.self) {
            try follow("https://[::1]/", from: "https://hub.corp.example/", at: .network)
        }
        #expect(try follow("http://127.0.0.1:2/", from: "http://localhost:1/", at: .machine) == .machine)
        // A name that means a machine of this network to the resolver, and was public all the same.
        #expect(throws: CakeError.self) { try follow("http://10.0.0.1/", from: "http://rack/", at: .world) }
    }
}

@Suite struct `A proxy` {
    @Test(
        arguments: [
            ([:], "https://a.b/", nil), (["https_proxy": "p"], "https://a.b/", "p"),
            (["https_proxy": "p"], "http://a.b/", nil), (["http_proxy": "p"], "http://a.b/", "p"),
            (["HTTP_PROXY": "p"], "http://a.b/", nil), (["HTTPS_PROXY": "p"], "https://a.b/", "p"),
            (["all_proxy": "p"], "http://a.b/", "p"), (["ALL_PROXY": "p"], "https://a.b/", "p"),
            (["https_proxy": "", "ALL_PROXY": "p"], "https://a.b/", "p"),
            (["https_proxy": "p", "no_proxy": "*"], "https://a.b/", nil),
            (["https_proxy": "p", "no_proxy": "x, b"], "https://a.b/", nil),
            (["https_proxy": "p", "no_proxy": ".B"], "https://a.b/", nil),
            (["https_proxy": "p", "no_proxy": "a.b"], "https://aa.b/", "p"),
            (["https_proxy": "p", "no_proxy": "10.0.0.0/8"], "https://10.1.2.3/", nil),
            (["https_proxy": "p", "no_proxy": "10.0.0.0/8"], "https://11.1.2.3/", "p"),
            (["https_proxy": "p", "no_proxy": "10.0.0.0/0,10.0.0.0/x,10.0.0.0/"], "https://10.1.2.3/", "p"),
            (["https_proxy": "p", "NO_PROXY": "10.1.2.3"], "https://10.1.2.3/", nil),
            (["https_proxy": "p", "no_proxy": "::1"], "https://[::1]/", nil),
        ] as [([String: String], String, String?)]) func `is used as curl would`(
            variables: [String: String], url: String, proxy: String?
        ) throws
    {
        #expect(ProxyRule(variables).proxy(for: try WebURL(url).origin) == proxy)
    }
}

@Suite struct `How far an address reaches` {
    @Test(
        arguments: [
            ("127.0.0.1", .machine), ("0.0.0.0", .machine), ("::1", .machine), ("::ffff:127.0.0.1", .machine),
            ("10.0.0.1", .network), ("::ffff:10.0.0.1", .network), ("fd00::1", .network), ("64:ff9b::a00:1", .network),
            ("169.254.169.254", .link), ("fe80::1", .link), ("8.8.8.8", .world), ("2606:4700::1", .world),
            // What is no address is taken for the nearest.
            ("", .machine), ("fe80::1%eth0", .machine), ("example.org", .machine), ("8.8.8", .machine),
        ] as [(String, Host.Reach)]) func `is told from the address alone`(text: String, reach: Host.Reach)
    {
        #expect(Host.Reach(ofAddress: text) == reach)
    }

    @Test func `is what the answer came from, and else what the server is called`() throws {
        let error = CakeError(.failed, "inside")
        let named = try WebURL("http://hub.example/").origin
        let inner = try WebURL("http://10.0.0.1/").origin
        #expect(AddressLimit(from: named, at: .network, error).reach == .network)
        #expect(AddressLimit(from: inner, at: .world, error).reach == .world)
        #expect(AddressLimit(from: inner, at: nil, error).reach == .network)
        #expect(throws: CakeError.self) { try AddressLimit(from: named, at: nil, error).check(inner) }
        try AddressLimit(from: named, at: .network, error).check(inner)
    }
}

@Suite struct `What is no revision` {
    static let none = [
        "", ".", "..", "../x", "a/..", "a/../b", "a/./b", "/a", "a/", "a//b", "/", "//", ".a", "a..b", "a\u{0}b",
        "a\nb",
        "a\u{7f}", "a b", "-a", "a\\b", "a:b", String(repeating: "a", count: 201),
    ]
    static let some = ["main", "v1.0", "refs/pr/1", "a.b", "é", "%2e%2e", String(repeating: "a", count: 40)]

    @Test(arguments: none) func `is refused by the client`(text: String) {
        #expect(throws: CakeError.self) { try Revision.check(text) }
    }

    @Test(arguments: none + some) func `is asked of no other server`(text: String) throws {
        let repository = try HubRepository("org/m")
        let isSome = Self.some.contains(text)
        for path in [
            ["resolve"], ["raw"], ["api", "revision"], ["api", "tree"], ["api", "paths-info"], ["api", "commits"],
        ] {
            let parts: [String] =
                path.count == 1 ? ["org", "m", path[0], text, "x"] : ["api", "models", "org", "m", path[1], text]
            // The last slash of an address of the API says nothing.
            if text.isEmpty, path.count == 2 { continue }
            let meaning = try #require(HubRequest(parts))
            #expect((meaning == .noRevision(repository)) == !isSome, "\(parts)")
            #expect(meaning.repository == repository)
        }
    }

    @Test(arguments: ["..", "%2e%2e", "%2E.", ".%2e", "%2e", "a%2f..%2fb", "a%2F%2Fb", "%20"])
    func `is none however it is encoded`(text: String) throws {
        let target = try #require(RequestTarget("/org/m/resolve/\(text)/config.json", ofHub: true))
        #expect(HubRequest(target.parts) == .noRevision(try HubRepository("org/m")))
        let api = try #require(RequestTarget("/api/models/org/m/revision/\(text)", ofHub: true))
        #expect(HubRequest(api.parts) == .noRevision(try HubRepository("org/m")))
    }
}
