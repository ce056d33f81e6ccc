import Model
import Testing

@Suite struct `An answer that is no` {
    private func error(
        _ status: Int, _ code: String?, _ words: String, token: Bool, kind: HubRepository.Kind = .model,
        suggestion: String? = nil
    ) throws -> CakeError {
        let answer = HubAnswer(status: status, code: code, body: Array(words.utf8).span)
        let question = HubQuestion(
            try HubRoutes(), repository: try HubRepository("org/name", kind: kind), revision: "dev",
            file: try FilePath("config.json"), hasToken: token, suggestion: suggestion)
        return answer.error(to: question)
    }

    @Test(
        arguments: [
            (404, "RevisionNotFound", "", false, .notFound, "org/name has no revision \"dev\""),
            (404, "EntryNotFound", "", false, .notFound, "org/name has no file \"config.json\" at dev"),
            (404, "RepoNotFound", "", true, .notFound, "has no model org/name, or hides it from this token"),
            (401, nil, "Invalid username or password.", false, .notFound, "has no model org/name that is public"),
            (401, "RepoNotFound", "", false, .notFound, "has no model org/name that is public"),
            (
                401, nil, "Invalid username or password.", true, .notAuthorised,
                "rejected the token: Invalid"
            ),
            (401, "GatedRepo", "", false, .notAuthorised, "org/name is gated, and no token was sent"),
            (401, "GatedRepo", "", true, .notAuthorised, "rejected the token"),
            (403, "GatedRepo", "You are not in the authorized list", true, .notAuthorised, "has no access yet"),
            (403, "GatedRepo", "Your request is awaiting a review", true, .notAuthorised, "its owner has not answered"),
            (403, "GatedRepo", "has been rejected by the authors", true, .notAuthorised, "has refused your request"),
            (403, nil, "Access to this resource is disabled.", true, .notAuthorised, "has disabled org/name"),
            (403, nil, "", true, .notAuthorised, "the token may not read org/name"),
            (403, nil, "", false, .notAuthorised, "needs a login for"),
            (404, nil, "", false, .notFound, "has nothing at the address of org/name"),
            (429, nil, "", false, .network, "limits the number of requests"),
            (503, nil, "", false, .network, "huggingface.co: server error (503)"),
            (500, nil, #"{"error":"boom"}"#, false, .network, "huggingface.co: server error (500): boom"),
            (400, nil, #"{"errors":[{"message":"bad"}]}"#, false, .failed, "answered status 400 for org/name: bad"),
            (418, nil, "", false, .failed, "answered status 418"), (999, nil, "", false, .network, "999"),
        ] as [(Int, String?, String, Bool, CakeError.Kind, String)])
    func `is said in words of its own`(
        status: Int, code: String?, words: String, token: Bool, kind: CakeError.Kind, what: String
    ) throws {
        let error = try error(status, code, words, token: token)
        #expect(error.kind == kind)
        #expect(error.what.contains(what), "\(error)")
        #expect(error.fix?.isEmpty == false)
    }

    @Test func `says what the person may have meant, and the dataset it is about`() throws {
        #expect(
            try error(401, nil, "", token: false, suggestion: "mistral-7b").fix?.contains("did you mean mistral-7b?")
                == true)
        let gated = try error(403, "GatedRepo", "", token: true, kind: .dataset)
        #expect(gated.what.hasPrefix("the dataset org/name is gated"))
        #expect(gated.fix?.contains("https://huggingface.co/datasets/org/name") == true)
    }

    @Test func `cannot colour a terminal, go on for ever, or repeat a token`() throws {
        let words = "no \u{1b}[31m hf_abcdefghijklmnopqrstuv " + String(repeating: "x", count: 100_000)
        let nothing: [UInt8] = []
        let answer = HubAnswer(status: 400, message: words, body: nothing.span)
        #expect(!answer.message.unicodeScalars.contains("\u{1b}") && answer.message.utf8.count < 400)
        #expect(!answer.message.contains("abcdef") && answer.message.contains("hf_…"))
        #expect(HubAnswer(status: 500, body: Array("<html><body>x".utf8).span).message == "")
        #expect(HubAnswer(status: 500, body: ([0xff] as [UInt8]).span).message == "")
        #expect(HubAnswer(status: 500, body: Array("one\ntwo".utf8).span).message == "one")
        #expect(HubAnswer(status: 500, body: [UInt8](repeating: 0x5b, count: 1 << 20).span).message.utf8.count < 400)
    }

    @Test func `is passed on to clients in its own words, once along a chain of servers`() {
        var words = "Repository not found"
        let nothing: [UInt8] = []
        for _ in 0..<3 {
            let answer = HubAnswer(status: 404, code: "RepoNotFound", message: words, body: nothing.span)
            let refusal = answer.refusal(asked: nil)
            #expect(refusal.status == 404 && refusal.code == .noRepository)
            words = refusal.message
        }
        #expect(words == "The upstream Hub refuses this: Repository not found")
    }
}

@Suite struct `Asking again` {
    @Test func `is for what may pass`() {
        for status in [408, 429, 500, 502, 503, 504] { #expect(Retry.isTransient(status: status)) }
        for status in [200, 206, 304, 400, 401, 403, 404, 416, 501] { #expect(!Retry.isTransient(status: status)) }
        #expect(Retry.isTransient(CakeError(.network, "reset")))
        for kind in [CakeError.Kind.diskFull, .notFound, .notAuthorised, .damaged, .failed] {
            #expect(!Retry.isTransient(CakeError(kind, "no")))
        }
    }

    @Test func `waits longer each time, never as long as forever, and then gives up`() throws {
        let retry = Retry()
        #expect(retry.wait(afterFailures: 1, random: 0) == .milliseconds(250))
        #expect(retry.wait(afterFailures: 1, random: 1) == .milliseconds(500))
        #expect(retry.wait(afterFailures: 3, random: 1) == .seconds(2))
        #expect(retry.wait(afterFailures: 6, random: 1) == nil)
        #expect(retry.wait(afterFailures: 0, random: 1) == nil)
        var patient = Retry()
        patient.tries = .max
        #expect(patient.wait(afterFailures: .max - 1, random: 1) == .seconds(16))
        #expect(patient.wait(afterFailures: 9, random: .nan) == .seconds(12))
        #expect(patient.wait(afterFailures: 9, random: -7) == .seconds(8))
    }

    @Test func `waits as long as a server asks, within reason`() {
        let retry = Retry()
        #expect(retry.wait(afterFailures: 1, asked: .seconds(30), random: 0.5) == .milliseconds(30_500))
        #expect(retry.wait(afterFailures: 1, asked: .seconds(601), random: 0) == nil)
        #expect(retry.wait(afterFailures: 1, asked: .seconds(-5), random: 0) == .zero)
    }

    @Test(
        arguments: [
            ("5", nil, 5), ("0", nil, 0), (nil, #""resolvers";r=0;t=123"#, 124), ("7", #""api";r=0;t=9"#, 10),
            ("7", #""api";r=3;t=9"#, 7), (nil, #""api";r=3;t=9"#, nil), (nil, #""a";r=9;t=1, "b"; r=0; t=60"#, 61),
            ("Sun, 06 Nov 1994 08:49:37 GMT", nil, 37), ("Sun, 06 Nov 1994 08:48:37 GMT", nil, 0), ("-1", nil, nil),
            ("soon", nil, nil), ("99999999999999999999", nil, nil), (nil, "r=0", nil), (nil, #""a";r=0;t=x"#, nil),
            (nil, nil, nil),
            ("Sun, 31 Foo 1994 08:49:37 GMT", nil, nil), ("Sun, 06 Nov 1994 8:99:37 GMT", nil, nil),
        ] as [(String?, String?, Int?)]) func `reads what the server asks for`(
            after: String?, limit: String?, seconds: Int?
        )
    {
        let asked = Retry.asked(retryAfter: after, rateLimit: limit, now: 784_111_740)
        #expect(asked == seconds.map { .seconds($0) })
    }

    @Test func `knows leap years`() {
        func asked(_ date: String) -> Duration? { Retry.asked(retryAfter: date, rateLimit: nil, now: 0) }
        #expect(asked("Thu, 01 Jan 1970 00:00:10 GMT") == .seconds(10))
        #expect(asked("Tue, 29 Feb 2000 00:00:00 GMT") == .seconds(951_782_400))
        #expect(asked("Wed, 01 Mar 2000 00:00:00 GMT") == .seconds(951_868_800))
        #expect(asked("Mon, 01 Mar 2100 00:00:00 GMT") == .seconds(4_107_542_400))
    }
}

@Suite struct `A token` {
    @Test func `is shown to nobody, and can end no header`() throws {
        let token = try HubToken(" hf_secret\n")
        #expect(token.header.value == "Bearer hf_secret")
        #expect(!"\(token)".contains("secret") && !String(reflecting: token).contains("secret"))
        var dumped = ""
        dump([token], to: &dumped)
        #expect(!dumped.contains("secret"))
        for text in ["", " ", "a b", "a\r\nX: y", "é", String(repeating: "x", count: 5000)] {
            #expect(throws: CakeError.self) { try HubToken(text) }
        }
    }
}
