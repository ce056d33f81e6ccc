import Model
import Testing

private let tensor = Tensor(name: "w", dtype: .u8, shape: [8])

private func digest(_ word: UInt64) -> Digest { Digest(words: (word, 0, 0, 0)) }

private func file(
    _ path: String, _ sha256: Digest?, git: GitDigest? = nil, _ segments: [(Outline.Content?, UInt64, Tensor?)]
) throws -> Outline.File {
    Outline.File(
        path: try FilePath(path), size: segments.reduce(0) { $0 + $1.1 }, digest: sha256, gitDigest: git,
        segments: segments.map { Outline.Segment(content: $0.0, size: $0.1, tensor: $0.2) })
}

@Suite struct `Models that are not all known` {
    private func kind(_ before: Outline.Content?, _ after: Outline.Content?) throws -> Difference.Kind? {
        let models = try [before, after].map { Outline(files: [try file("m", nil, [($0, 8, tensor)])]) }
        return Difference(from: models[0], to: models[1]).tensors.first?.kind
    }

    @Test func `are the same where digests or the files around say so, and else nobody knows`() throws {
        let (one, other) = (Outline.Content.digest(digest(1)), Outline.Content.digest(digest(2)))
        let part = Outline.Content.part(of: digest(3), from: 100)
        #expect(try kind(one, one) == .same)
        #expect(try kind(one, other) == .changed)
        #expect(try kind(part, part) == .same)
        // Other files, or other places in them, may hold the same tensor.
        #expect(try kind(part, .part(of: digest(4), from: 100)) == .unknown)
        #expect(try kind(part, .part(of: digest(3), from: 108)) == .unknown)
        #expect(try kind(part, one) == .unknown && kind(one, part) == .unknown)
        #expect(try kind(nil, nil) == .unknown && kind(one, nil) == .unknown)
    }

    @Test func `learn the layers of a file that the other has`() throws {
        let known = try file("a", digest(9), [(.digest(digest(5)), 24, nil), (.digest(digest(1)), 8, tensor)])
        let listed = try file(
            "b", digest(9), [(.part(of: digest(9), from: 0), 24, nil), (.part(of: digest(9), from: 24), 8, tensor)])
        for pair in [(known, listed), (listed, known)] {
            let difference = Difference(from: Outline(files: [pair.0]), to: Outline(files: [pair.1]))
            #expect(difference.tensors.map(\.kind) == [.same])
            #expect(difference.tensors.first?.after?.layer == Layer(digest: digest(1), size: 8))
            #expect(difference.bytesShared == 32 && difference.bytesNeeded + difference.bytesUnknown == 0)
        }
    }

    @Test func `need what is of a size that the other has nothing of`() throws {
        let before = try file("m", digest(1), [(.digest(digest(5)), 24, nil), (.digest(digest(6)), 8, tensor)])
        let after = try file(
            "m", digest(2), [(.part(of: digest(2), from: 0), 25, nil), (.part(of: digest(2), from: 25), 8, tensor)])
        let difference = Difference(from: Outline(files: [before]), to: Outline(files: [after]))
        #expect(difference.bytesNeeded == 25 && difference.bytesUnknown == 8 && difference.bytesShared == 0)
        #expect(!difference.isEmpty && !difference.isIdentical)
    }

    @Test func `tell small files apart by what git calls them`() throws {
        let names = try ["a", "b"].map { try #require(GitDigest(hex: String(repeating: $0, count: 40))) }
        func kind(_ old: (Digest?, GitDigest?), _ new: (Digest?, GitDigest?)) throws -> Difference.Kind? {
            let before = try file("config.json", old.0, git: old.1, [(nil, 3, nil)])
            let after = try file("config.json", new.0, git: new.1, [(nil, 3, nil)])
            return Difference(from: Outline(files: [before]), to: Outline(files: [after])).files.first?.kind
        }
        #expect(try kind((digest(1), names[0]), (nil, names[0])) == .same)
        #expect(try kind((digest(1), names[0]), (nil, names[1])) == .changed)
        #expect(try kind((digest(1), nil), (nil, names[1])) == .unknown)
        #expect(try kind((digest(1), nil), (digest(2), names[1])) == .changed)
    }
}

@Suite struct `Branches and tags` {
    @Test func `are read with their commits, and without what is no commit`() throws {
        let commit = String(repeating: "0a", count: 20)
        let text = """
            {"branches":[{"name":"main","ref":"refs/heads/main","targetCommit":"\(commit)"}],"converts":[],
            "tags":[{"name":"v1","targetCommit":"nonsense"},{"ref":"refs/tags/x"}]}
            """
        let revisions = try HubRevisions(parsing: Array(text.utf8).span)
        #expect(revisions.branches == [HubRevisions.Entry(name: "main", commit: commit)])
        #expect(revisions.tags == [HubRevisions.Entry(name: "v1", commit: nil)])
    }
}
