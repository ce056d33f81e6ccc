import Foundation
import Model
import Server
import Storage
import Support
import Testing

@Suite struct `The page for people` {
    private static let browser = [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")]

    @Test func `is for browsers alone, and takes nothing from elsewhere`() throws {
        let stage = try Stage()
        let page = try stage.ask("GET", "/", Self.browser)
        #expect(page.status == 200 && page["content-type"] == "text/html; charset=utf-8")
        #expect(page["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
        #expect(page.text.contains("export HF_ENDPOINT=http://") && page.text.contains("cake pull "))
        #expect(page.text.contains("There is no model here") && page.text.contains("cake push"))
        for word in ["<script", "src=", "@import", "url("] { #expect(!page.text.contains(word), "\(word)") }
        #expect(try stage.ask("HEAD", "/", Self.browser).status == 200)
        for headers in [[], [("Accept", "*/*")], [("Accept", "application/json")]] {
            #expect(try stage.ask("GET", "/", headers).code == "NAME_UNKNOWN")
        }
        #expect(try stage.ask("POST", "/", Self.browser, []).status != 200)
        #expect(try stage.ask("GET", "/v2/", Self.browser)["content-type"] == "application/json")
    }

    @Test func `lists models, and says nothing of them without a token`() async throws {
        let stage = try Stage { $0.allowsPush = false }
        let shelf = try Shelf(at: stage.scratch["store"])
        let folder = try ModelMaker.write(ModelMaker.small(), to: stage.scratch["model"])
        try await shelf.bring(folder, as: "team/model")
        let open = try stage.ask("GET", "/", Self.browser).text
        #expect(open.contains("<td>team/model</td>") && open.contains("hf download team/model"))
        #expect(!open.contains("cake push"))
        let secret = try RegistryStore(stage.store).addToken("ci", read: [.all], push: [])
        let closed = try stage.ask("GET", "/", Self.browser)
        #expect(closed.status == 200 && !closed.text.contains("team/model") && closed.text.contains("/?token"))
        let asked = try stage.ask("GET", "/?token", Self.browser)
        #expect(asked.status == 401 && asked["www-authenticate"]?.hasPrefix("Basic") == true)
        let token = Data("me:\(secret)".utf8).base64EncodedString()
        let signed = try stage.ask("GET", "/?token", Self.browser + [("Authorization", "Basic \(token)")])
        #expect(signed.status == 200 && signed.text.contains("<td>team/model</td>"))
    }

    @Test func `shows a stranger's name as text`() throws {
        let stage = try Stage { $0.hostNames = ["a<b>&\"c"] }
        let page = try stage.client().ask("GET", "/", Self.browser, host: "a<b>&\"c")
        #expect(!page.text.contains("a<b>"), "\(page.text)")
    }
}
