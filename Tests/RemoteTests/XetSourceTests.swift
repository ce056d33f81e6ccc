import Hub
import Model
import Platform
import Support
import Testing

@testable import Remote

@Suite struct `What a Xet server tells` {
    static let token = "hf_secretsecretsecret"
    static let weights = "model.safetensors"

    /// Two megabytes and more, so that there are dozens of chunks.
    static func files(seed: UInt64 = 1) throws -> ModelMaker.Files {
        [
            weights: try ModelMaker.safetensors([
                .init("a", bytes: 1 << 20, seed: 1), .init("b", bytes: 700_000, seed: 10 + seed),
                .init("c", bytes: 1 << 20, seed: 3),
            ]), "config.json": Array("{}".utf8),
        ]
    }

    private func line(_ change: (inout HubSettings) -> Void = { _ in }) throws -> HubLine {
        try HubLine(try Self.files()) { settings in
            settings.xet = true
            settings.users[Self.token] = .init("tester", reads: [HubLine.name])
            change(&settings)
        }
    }

    private func told(
        _ line: HubLine, _ range: Range<UInt64>? = nil, name: String = HubLine.name, by source: XetSource? = nil
    ) async throws -> XetReconstruction? {
        let snapshot = try await line.snapshot(name)
        let file = try #require(snapshot.files.first { $0.path.string == Self.weights })
        let source = try source ?? XetSource(line.source())
        return try await source.reconstruction(of: file, in: snapshot, range: range)
    }

    private func failure(_ line: HubLine, _ range: Range<UInt64>? = nil) async throws -> CakeError {
        try #require(await #expect(throws: CakeError.self) { _ = try await told(line, range) })
    }

    private var tokens: Match { .path(with: "/xet-read-token/") }

    /// Sizes of a file's chunks, cut here.
    private func chunks(_ bytes: [UInt8]) -> [Int] {
        var chunker = XetChunker()
        var sizes: [Int] = []
        chunker.update(bytes.span) { sizes.append($0.size) }
        if let last = chunker.finish() { sizes.append(last.size) }
        return sizes
    }

    @Test func `are the chunks of a file, in whole or for a range`() async throws {
        let line = try line()
        let bytes = try #require(line.files[Self.weights])
        let snapshot = try await line.snapshot()
        let file = try #require(snapshot.files.first { $0.path.string == Self.weights })
        #expect(file.xetHash?.text == XetFileHash.hash(of: bytes.span).text)
        #expect(snapshot.files.first { $0.path.string == "config.json" }?.xetHash == nil)

        let whole = try #require(try await told(line))
        let sizes = chunks(bytes)
        #expect(whole.bytes == 0..<UInt64(bytes.count))
        #expect(whole.terms.count == 1 && whole.terms[0].chunks == 0..<UInt32(sizes.count))

        let start = UInt64(sizes[0] + sizes[1] + 5)
        let part = try #require(try await told(line, start..<start + 1))
        #expect(part.terms.map(\.chunks) == [2..<3] && part.terms.map(\.size) == [UInt64(sizes[2])])
        #expect(part.bytes == start - 5..<start - 5 + UInt64(sizes[2]))
        #expect(part.coordinates(of: start..<start + 1)?.runs.first?.bytes == 5..<6)
        // Beyond the end there is nothing to ask for.
        line.hub.forgetRequests()
        let end = UInt64(bytes.count)
        #expect(try await told(line, end..<end + 10)?.terms.isEmpty == true)
        #expect(line.hub.count(.reconstruction()) == 0)
    }

    @Test func `show without a byte of data which tensors of a fine-tune are its base's`() async throws {
        let line = try line()
        let tune = try Self.files(seed: 2)
        try line.folder.write("org/tune", tune)
        try line.folder.write("org/apart", tune)
        try line.folder.set("org/apart", xet: "apart")
        let size = line.size(of: Self.weights)
        let ends = [size - (1 << 20) - 700_000 - (1 << 20), size - (1 << 20) - 700_000, size - (1 << 20), size]
        let tensors = zip(ends, ends.dropFirst()).map { $0..<$1 }
        let base = try #require(try await told(line))
        let changed = try #require(try await told(line, name: "org/tune"))
        let similarities = try tensors.map { tensor in
            let mine = try #require(base.coordinates(of: tensor))
            return mine.similarity(to: try #require(changed.coordinates(of: tensor)))
        }
        // The last chunk of `a` holds the beginning of `b`, and the first of `c` the end of it.
        guard case .edgesDiffer(let first) = similarities[0], case .edgesDiffer(let last) = similarities[2] else {
            Issue.record("\(similarities)")
            return
        }
        #expect(first.lowerBound == 0 && first.upperBound > (1 << 20) - 131_072)
        #expect(last.upperBound == 1 << 20 && last.lowerBound < 2 * 131_072)
        let other = try #require(try await told(line, name: "org/apart"))
        let mine = try #require(changed.coordinates(of: tensors[0]))
        #expect(mine.similarity(to: try #require(other.coordinates(of: tensors[0]))) == .unknown)
        #expect(line.hub.sent(.cdn()) == 0)
    }

    @Test func `are asked for in the older way where the newer is not known, and that is remembered`() async throws {
        for status in [404, 501] {
            let line = try line()
            let newer = try #require(try await told(line))
            line.hub.misbehave(.answer(status), when: .reconstruction(version: 2))
            line.hub.forgetRequests()
            let source = try XetSource(line.source())
            #expect(try await told(line, by: source) == newer)
            #expect(try await told(line, by: source) == newer)
            #expect(line.hub.count(.reconstruction(version: 2)) == 1)
            #expect(line.hub.count(.reconstruction(version: 1)) == 2)
            #expect(line.hub.count(tokens) == 1)
        }
    }

    @Test func `are none where a Hub has no Xet, which is asked once`() async throws {
        let line = try line()
        let source = try XetSource(line.source())
        line.hub.misbehave(.answer(404), when: tokens)
        #expect(try await told(line, by: source) == nil)
        #expect(try await told(line, by: source) == nil)
        #expect(line.hub.count(tokens) == 1)
        line.hub.behave()
        line.hub.misbehave(.answer(404), when: .reconstruction())
        #expect(try await told(line) == nil)
        let plain = try HubLine(try Self.files())
        #expect(try await told(plain) == nil)
        #expect(plain.hub.count(tokens) == 0)
    }

    @Test func `need a token that is asked for once, and anew when it ends or is refused`() async throws {
        let line = try line()
        let source = try XetSource(line.source())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in 0..<6 {
                group.addTask { _ = try await self.told(line, UInt64(start)..<1000, by: source) }
            }
            try await group.waitForAll()
        }
        #expect(line.hub.count(tokens) == 1)
        line.hub.expireXetTokens()
        #expect(try await told(line, by: source) != nil)
        #expect(line.hub.count(tokens) == 2)
        line.hub.misbehave(.answer(401), when: .reconstruction())
        #expect(try await failure(line).kind == .notAuthorised)

        let brief = try self.line { $0.xetTokenSeconds = 50 }
        let other = try XetSource(brief.source())
        for _ in 0..<3 { _ = try await told(brief, by: other) }
        #expect(brief.hub.count(tokens) == 3)
    }

    @Test func `fail for all who wait when the Hub refuses the token to one`() async throws {
        let line = try line()
        let source = try XetSource(line.source())
        line.hub.misbehave(.answer(418, body: "no"), .stall(afterBytes: 0), when: tokens)
        let failed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    do {
                        _ = try await self.told(line, by: source)
                        return false
                    } catch is CakeError {
                        return true
                    }
                }
            }
            while source.waitingTasks < 4 { await Task.yield() }
            // A release before it opens nothing.
            await line.hub.wait { $0.contains { $0.isStalled } }
            line.hub.release()
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(failed == 5 && line.hub.count(tokens) == 1)
        line.hub.behave()
        #expect(try await told(line, by: source) != nil)
    }

    @Test func `are told to its token, and neither that nor the Hub's goes anywhere else`() async throws {
        let line = try line()
        try line.folder.set(HubLine.name, isPrivate: true)
        let snapshot = try await line.snapshot(token: Self.token)
        let file = try #require(snapshot.files.first { $0.path.string == Self.weights })
        let source = try XetSource(line.source(token: Self.token))
        #expect(try await source.reconstruction(of: file, in: snapshot) != nil)
        line.hub.misbehave(.redirect(to: line.hub.cdn + "/elsewhere"), when: .reconstruction())
        let refused = await #expect(throws: CakeError.self) {
            _ = try await source.reconstruction(of: file, in: snapshot)
        }
        #expect(refused?.what.contains("secret") == false && refused?.what.contains("xet_") == false)
        for request in line.hub.requests {
            let shown = request.authorization
            switch request.place {
            case .hub: #expect(shown == "Bearer \(Self.token)")
            case .cas: #expect(shown?.hasPrefix("Bearer xet_") == true)
            case .cdn: #expect(shown == nil)
            }
        }
        #expect(line.hub.count(Match.anything.at(.cdn)) > 0)
    }

    @Test func `are waited for when the server asks for time`() async throws {
        let line = try line()
        line.hub.misbehave(
            .answer(429, headers: ["Retry-After": "0"]), when: Match.reconstruction().times(2))
        line.hub.misbehave(.answer(503, headers: ["Retry-After": "0"]), when: tokens.times(1))
        #expect(try await told(line) != nil)
        #expect(line.hub.count(.reconstruction()) == 3 && line.hub.count(tokens) == 2)
        line.hub.misbehave(.answer(429, headers: ["Retry-After": "100000"]), when: .reconstruction())
        #expect(try await failure(line).kind == .network)
    }

    @Test func `are refused when they cannot be`() async throws {
        let lies: [Misbehaviour] = [
            .claimMore(bytes: 1), .claimMore(bytes: 1 << 40), .answer(200, body: "{"), .answer(200, body: "<html>"),
            .answer(200, body: #"{"terms":[]}"#), .understated(by: 5), .header("Content-Length", "99999999999"),
            .serve(path: ""), .answer(416),
        ]
        for lie in lies {
            let line = try line()
            var lie = lie
            if case .serve = lie {
                try line.folder.write("org/long", Self.weights, seededBytes(3 << 20, seed: 5))
                _ = try await told(line, name: "org/long")
                lie = .serve(path: line.folder.path + "/org/long/" + Self.weights)
            }
            line.hub.misbehave(lie, when: .reconstruction())
            let failure = try await failure(line)
            #expect(failure.kind == .damaged, "\(lie): \(failure)")
            #expect(failure.what.hasPrefix(Self.weights), "\(failure)")
        }
    }
}
