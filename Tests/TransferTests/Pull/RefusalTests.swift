import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `A refusal` {
    static let token = "hf_secretsecretsecret"

    private func refused(
        _ name: String = PullLine.name, revision: String? = nil, token: String? = nil,
        isPrivate: Bool = false, gated: String? = nil, isDisabled: Bool = false, reads: Bool = false,
        when rules: (Hub) -> Void = { _ in }
    ) async throws -> CakeError {
        let line = try PullLine { settings in
            settings.users[Self.token] = .init("tester", reads: reads ? [PullLine.name] : [])
        }
        try line.folder.set(PullLine.name, isPrivate: isPrivate, gated: gated, isDisabled: isDisabled)
        rules(line.hub)
        let failure = try #require(
            await #expect(throws: CakeError.self) { try await line.pull(name, revision: revision, token: token) })
        #expect(try line.shelf.names() == [])
        let text = failure.what + (failure.fix ?? "")
        #expect(!text.contains("secretsecret"), "\(text)")
        #expect(failure.fix != nil, "\(text)")
        return failure
    }

    @Test func `has a sentence of its own for each meaning`() async throws {
        let found: [(CakeError, CakeError.Kind)] = [
            (try await refused("org/nothing"), .notFound),
            (try await refused("org/nothing", token: Self.token), .notFound),
            (try await refused(revision: "v9"), .notFound),
            (try await refused(gated: "auto"), .notAuthorised),
            (try await refused(token: Self.token, gated: "auto"), .notAuthorised),
            (try await refused(token: "hf_unknownunknownunknown"), .notAuthorised),
            (try await refused(isDisabled: true), .notAuthorised),
            (
                try await refused(token: Self.token) { hub in
                    hub.misbehave(.answer(403), when: Match.path(with: "model.safetensors").method("HEAD"))
                }, .notAuthorised
            ),
            (
                try await refused { hub in
                    hub.misbehave(
                        .answer(404, headers: ["X-Error-Code": "EntryNotFound"]),
                        when: Match.path(with: "model.safetensors").method("HEAD"))
                }, .notFound
            ),
            (try await refused { $0.misbehave(.answer(418), when: .path(with: "/tree/")) }, .failed),
            (try await refused { $0.misbehave(.answer(404), when: .path(with: "/revision/")) }, .notFound),
        ]
        for (failure, kind) in found { #expect(failure.kind == kind, "\(failure)") }
        let sentences = found.map(\.0.what)
        #expect(Set(sentences).count == sentences.count, "\(sentences)")
        // To the anonymous, a private repository is one that is not there.
        #expect(try await refused(isPrivate: true).kind == .notFound)
        #expect(try await refused(token: Self.token, isPrivate: true).kind == .notFound)
    }

    @Test func `is understood whatever page comes with it`() async throws {
        let page = "<html>" + String(repeating: "x", count: 200_000)
        let failure = try await refused { $0.misbehave(.answer(404, body: page), when: .path(with: "/revision/")) }
        #expect(failure.kind == .notFound)
    }

    @Test func `does not repeat the token, should the server do so`() async throws {
        for status in [400, 401, 403, 404, 418] {
            for place in ["/revision/", "/tree/", "/resolve/"] {
                _ = try await refused(token: Self.token) { hub in
                    let words = "no: Bearer \(Self.token), really"
                    hub.misbehave(
                        .answer(status, headers: ["X-Error-Message": words], body: words), when: .path(with: place))
                }
            }
        }
        _ = try await refused(token: Self.token) { hub in
            hub.misbehave(.redirect(to: "ftp://\(Self.token)@x/\(Self.token)"), when: .path(with: "/resolve/"))
        }
    }
}
