import Testing

@testable import Model

@Suite struct `A choice of tensors` {
    private static let names: [ExactText] = [
        "model.embed_tokens.weight", "model.layers.0.mlp.up.weight", "model.layers.7.mlp.up.weight",
        "model.layers.12.attn.q.weight", "lm_head.weight",
    ]

    private static func chosen(_ patterns: [String], _ blocks: [String]) throws -> [ExactText] {
        let selection = try TensorSelection(patterns: patterns, blocks: blocks)
        return names.filter(selection.matches)
    }

    @Test func `is everything when nothing is named`() throws {
        #expect(try Self.chosen([], []) == Self.names)
        #expect(try TensorSelection().isEverything)
    }

    @Test func `takes what fits any pattern, and the blocks of any range`() throws {
        #expect(try Self.chosen(["*.mlp.*"], []) == Array(Self.names[1...2]))
        #expect(try Self.chosen([], ["0-7"]) == Array(Self.names[1...2]))
        #expect(try Self.chosen([], ["7,12"]) == Array(Self.names[2...3]))
        #expect(try Self.chosen(["/^lm_head/"], ["0"]) == [Self.names[1], Self.names[4]])
    }

    @Test(arguments: ["", "a", "-", "3-", "-3", "5-2", "1,,2", "1-2-3", "+1", "99999999999999999999"])
    func `refuses ranges that make no sense`(text: String) {
        #expect(throws: CakeError.self) { try TensorSelection(blocks: [text]) }
    }

    @Test func `refuses to be empty, and two tensors of one name`() throws {
        let layer = Layer(digest: .empty, size: 0)
        let weights = try Weights(
            ["a.x", "b.x"].map { .init(tensor: Tensor(name: $0, dtype: .f32, shape: [0]), layer: layer) })
        #expect(throws: CakeError.self) {
            try weights.chosen(by: TensorSelection(patterns: ["nothing"]), renaming: Renaming())
        }
        #expect(throws: CakeError.self) {
            try weights.chosen(by: TensorSelection(), renaming: Renaming(["a.=c.", "b.=c."]))
        }
    }
}

@Suite struct `A renaming` {
    @Test(
        arguments: [
            (["model.=base."], "model.layers.1", "base.layers.1"), (["model.="], "model.layers.1", "layers.1"),
            (["layers.=x."], "model.layers.1", "model.layers.1"), ([#"/\.(\d+)\./=.b\1./"#], "a.12.c", "a.b12./c"),
            (["/a/=b"], "banana", "bbnbnb"), (["a=b", "b=c"], "a.a", "c.a"), ([#"/(x)?y/=\1\\"#], "y", #"\"#),
        ] as [([String], String, String)]) func `changes how a name begins, or every match`(
            rules: [String], old: String, new: String
        ) throws
    {
        #expect(try Renaming(rules).name(for: ExactText(old)).string == new)
    }

    @Test(arguments: ["", "a", "=b", "/a/", "/(/=b"]) func `refuses what is none`(rule: String) {
        #expect(throws: CakeError.self) { try Renaming([rule]) }
    }
}
