import Hub
import Support
import Testing

@testable import cake

/// Two mirrors of the Hub: the one that is named first never answers.
@Suite struct `A cake that races mirrors` {
    private let home: HubHome
    private let late: Hub
    private let quick: Hub

    init() throws {
        home = try HubHome()
        late = try Hub(serving: home.shelf.path, HubSettings())
        quick = try Hub(serving: home.shelf.path, HubSettings())
        late.misbehave(.startAfter(.seconds(600)), when: .anything)
    }

    @Test(arguments: ["option", "variable", "setting"]) func `asks all of them, and takes what comes first`(
        said: String
    ) throws {
        defer { for hub in [home.hub, late, quick] { hub.stop() } }
        var variables = ["CAKE_MIRRORS": "\(late.endpoint),\(quick.endpoint)"]
        if said == "variable" { variables["CAKE_RACE_MIRRORS"] = "1" }
        if said == "setting" { #expect(try home.cake("config", "race-mirrors", "on").status == 0) }
        let words = said == "option" ? "--race-mirrors" : "--quiet"
        let result = try home.cake("pull", "org/base", words, variables: variables)
        #expect(result.status == 0, "\(result.errors)")
        #expect(quick.sent(.cdn()) > 0 && home.hub.sent(.cdn()) == 0)
        #expect(!late.requests.isEmpty, "it was not asked")
    }

    @Test func `says so where there is none`() throws {
        defer { for hub in [home.hub, late, quick] { hub.stop() } }
        let result = try home.cake("pull", "org/base", "--race-mirrors")
        #expect(result.status == 2 && result.errors.contains("--race-mirrors needs mirrors"))
        #expect(home.hub.requests.isEmpty)
    }
}
