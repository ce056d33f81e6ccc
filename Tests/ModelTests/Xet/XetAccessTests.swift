import Model
import Testing

@Suite struct `Access to Xet` {
    private func read(
        token: String = "abc.def-ghi", server: String = "https://cas-server.xethub.hf.co", expires: String = "2000",
        from hub: String = "https://huggingface.co/api/models/a/b/xet-read-token/main",
        at answered: Host.Reach? = nil
    ) throws -> XetAccess {
        let text = #"{"accessToken":"\#(token)","exp":\#(expires),"casUrl":"\#(server)"}"#
        let url = try WebURL(hub)
        return try XetAccess(parsing: text.utf8Span.span, from: url, at: answered)
    }

    @Test func `names a server, a token and its end`() throws {
        let access = try read(server: "https://cas.example.org/base/")
        #expect(access.header.name == "Authorization" && access.header.value == "Bearer abc.def-ghi")
        #expect(
            access.reconstruction(of: .empty, version: 2).text
                == "https://cas.example.org/base/v2/reconstructions/" + String(repeating: "0", count: 64))
        #expect(access.isFresh(at: 1939) && !access.isFresh(at: 1940) && !access.isFresh(at: 2000))
        #expect(try !read(expires: "0").isFresh(at: .max) && !read(expires: "9223372036854775807").isFresh(at: .max))
    }

    @Test func `leads no further in than the Hub that gave it`() throws {
        #expect(try read().limit?.reach == .world && read(at: .world).limit?.reach == .world)
        #expect(try read(at: .network).limit?.reach == .network)
        #expect(try read(server: "https://10.1.2.3", at: .network).limit?.reach == .network)
        #expect(throws: CakeError.self) { try read(server: "https://127.0.0.1", at: .network) }
    }

    @Test func `shows its token to nobody who prints it`() throws {
        let access = try read()
        var dumped = ""
        dump(access, to: &dumped)
        for text in ["\(access)", String(reflecting: access), dumped] { #expect(!text.contains("abc.def"), "\(text)") }
    }

    @Test func `is refused when it leads out of encryption or into this network, or holds what no header can`() throws {
        for server in [
            "http://cas-server.xethub.hf.co", "https://127.0.0.1", "https://10.1.2.3", "https://localhost",
            "https://cas", "https://169.254.169.254", "https://user@cas.example.org", "ftp://cas.example.org", "",
            "https://cas.example.org/?a=b", "https://[::1]",
        ] {
            #expect(throws: CakeError.self, "\(server)") { _ = try read(server: server) }
        }
        for token in ["", "a b", #"a\r\nX: y"#, "é", String(repeating: "a", count: 20_000)] {
            #expect(throws: CakeError.self, "\(token.prefix(20))") { _ = try read(token: token) }
        }
        for expires in ["-1", "\"soon\"", "1e3", "99999999999999999999"] {
            #expect(throws: CakeError.self, "\(expires)") { _ = try read(expires: expires) }
        }
        // A Hub on this machine may have its server here too.
        #expect(
            try read(server: "http://127.0.0.1:8080", from: "http://127.0.0.1:9000/api").server.text.isEmpty == false)
    }
}
