import Model
import Support
import Testing

@Suite struct `What a person types` {
    private static let commit = String(repeating: "a", count: 40)

    @Test(arguments: [
        ("gpt2", "hf://openai-community/gpt2"), ("GPT2", "hf://openai-community/gpt2"),
        ("mistral-7b", "hf://mistralai/Mistral-7B-v0.1"), ("mistral-7b@v2", "hf://mistralai/Mistral-7B-v0.1 @v2"),
        ("qwen2.5-7b", "hf://Qwen/Qwen2.5-7B"), ("some-model", "hf://some-model"), ("a.b", "hf://a.b"),
        ("org/name", "hf://org/name"), ("org/name@main", "hf://org/name @main"),
        ("org/name@refs/pr/1", "hf://org/name @refs/pr/1"), ("org/na.me_x-1@v1.0", "hf://org/na.me_x-1 @v1.0"),
        ("org/name@\(commit)", "hf://org/name @\(commit)"),
        ("datasets/org/name", "hf://datasets/org/name"), ("models/org/name", "hf://org/name"),
        ("hf://gpt2", "hf://gpt2"), ("hf://org/name", "hf://org/name"), ("HF://org/name/", "hf://org/name"),
        ("hf://a.b/name", "hf://a.b/name"), ("hf://datasets/org/name@v1", "hf://datasets/org/name @v1"),
        ("hf://org/name@v1/sub/config.json", "hf://org/name @v1 sub/config.json"),
        ("hf://org/name/config.json", "hf://org/name config.json"),
        ("hf://org/name@refs/pr/7/config.json", "hf://org/name @refs/pr/7 config.json"),
        ("hf://org/name@refs%2Fpr%2F7/config.json", "hf://org/name @refs/pr/7 config.json"),
        ("hf://org/name@feature%2Fx/a%20b.txt", "hf://org/name @feature/x a b.txt"),
        ("https://huggingface.co/org/name", "hf://org/name"), ("http://hf.co/gpt2/", "hf://gpt2"),
        ("huggingface.co/org/name", "hf://org/name"), ("hf.co/org/name/tree/dev", "hf://org/name @dev"),
        ("https://huggingface.co/org/name/tree/main", "hf://org/name @main"),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3/sub", "hf://org/name @refs/pr/3 sub"),
        ("https://huggingface.co/org/name/tree/refs/pr/3", "hf://org/name @refs/pr/3"),
        ("https://huggingface.co/gpt2/blob/main/config.json?x=1#L3", "hf://gpt2 @main config.json"),
        ("https://huggingface.co/org/name/resolve/v1/a/b%2Bc.json?download=true", "hf://org/name @v1 a/b+c.json"),
        ("https://huggingface.co/datasets/org/name/blob/main/x", "hf://datasets/org/name @main x"),
        ("https://huggingface.co/org/name/commit/\(commit)", "hf://org/name @\(commit)"),
        ("https://huggingface.co/org/name.git", "hf://org/name"),
        ("https://hub.example:8443/mirror/org/name/tree/x", "hf://org/name @x"),
        ("registry.local/m", "oci://registry.local/m:latest"), ("localhost/a/b:v1", "oci://localhost/a/b:v1"),
        ("localhost:5000/m", "oci://localhost:5000/m:latest"), ("oci://Ghcr.io/team/m:v1", "oci://ghcr.io/team/m:v1"),
        ("https://localhost:5000/m:v1", "oci://localhost:5000/m:v1 by TLS"),
        ("s3://bucket/m", "s3://bucket/m:latest"), ("S3://bucket/pre/fix/m:v1", "s3://bucket/pre/fix/m:v1"),
        ("oci://registry/m", "oci://registry/m:latest"), ("[::1]:5000/m", "oci://[::1]:5000/m:latest"),
        (
            "ghcr.io/t/m@sha256:\(commit)\(String(commit.prefix(24)))",
            "oci://ghcr.io/t/m@sha256:\(commit)\(String(commit.prefix(24)))"
        ),
        (
            "r.io/t/m:v1@sha256:\(commit)\(String(commit.prefix(24)))",
            "oci://r.io/t/m:v1@sha256:\(commit)\(String(commit.prefix(24)))"
        ),
        ("./folder", "path ./folder"), ("../a b", "path ../a b"), ("/srv/x", "path /srv/x"), ("~/m", "path ~/m"),
        (".", "path ."), ("here.safetensors", "path here.safetensors"), ("gone.safetensors", "hf://gone.safetensors"),
        ("mine", "hf://me/mine"), ("old", "hf://openai-community/gpt2 @v1"),
        ("old@v2", "hf://openai-community/gpt2 @v2"),
        ("phi-2", "hf://me/phi @dev"), ("prod", "oci://r.io/m:prod"), ("work", "path ./work"),
    ]) func `means one thing`(text: String, meaning: String) throws {
        #expect(try describe(text) == meaning)
    }

    private static let aliases = [
        "mine": "me/mine", "old": "gpt2@v1", "phi-2": "me/phi@dev", "prod": "r.io/m:prod", "work": "./work",
        "loop": "loop2", "loop2": "loop", "bad": "a//b",
    ]

    private func describe(_ text: String) throws -> String {
        let hub = try HubRoutes(endpoint: "https://hub.example:8443/mirror/")
        switch try Reference(text, aliases: Self.aliases, hub: hub, isFile: { $0 == "here.safetensors" }) {
        case .hub(let hub):
            return "\(hub.repository)" + (hub.revision.map { " @" + $0 } ?? "") + (hub.file.map { " \($0)" } ?? "")
        case .registry(let registry): return "\(registry)" + (registry.speaksTLS ? " by TLS" : "")
        case .path(let path): return "path \(path)"
        }
    }

    @Test func `ends also where aliases stand for each other`() throws {
        #expect(try describe("loop") == "hf://loop")
        let error = try #require(throws: CakeError.self) { try describe("bad") }
        #expect(error.what.hasPrefix("alias bad: "))
    }

    @Test(arguments: [
        ("", "the name is empty", "write it like mistral-7b"),
        ("a b", "contains a space", "write it like"), ("a\u{1b}[2J", "control character", "write it like"),
        ("org/name:v1", "only letters", "a revision is written with @: org/name@v1"),
        ("gpt2:latest", "only letters", "a revision is written with @: gpt2@latest"),
        ("a/b/c", "more than two parts", nil), ("a//b", "more than two parts", nil), ("org/", "empty part", nil),
        ("org/na--me", "\"--\" is in it", nil), ("org/na..me", "\"..\" is in it", nil),
        ("org/.name", "begins or ends", nil),
        ("org/\(String(repeating: "x", count: 97))", "longer than 96", nil), ("orgé/name", "only letters", nil),
        ("mistrel-7b!", "only letters", "did you mean mistral-7b?"),
        ("org/name@", "is empty", nil), ("org/name@a..b", "dots", nil), ("org/name@-x", "begins with \"-\"", nil),
        ("org/name@a:b", "\":\" cannot be in one", nil), ("org/name@sha256:00", "in a registry", "org/name@COMMIT"),
        ("hff://org/name", "cake does not know hff://", "did you mean hf://org/name?"),
        ("gs://bucket/x", "cake does not know gs://", "write it like"), ("hf://", "names no repository", nil),
        ("hf://spaces/org/app", "contain no models", nil), ("https://huggingface.co/", "not the page of a model", nil),
        ("https://huggingface.co/docs/hub", "not the page of a model", nil),
        ("https://huggingface.co/org/name/discussions/3", "a page about the model", "cake pull org/name"),
        ("https://example.com/org/name", "not a Hub that cake knows", "HF_ENDPOINT=https://example.com"),
        ("https://user:pw@huggingface.co/org/name", "a user's name", nil),
        ("https://huggingface.co/org/name/blob/main/../../x/y", "a page about the model", nil),
        ("https://huggingface.co/org/name/blob/main/%2e%2e/x", "a part that is not allowed", nil),
        ("https://huggingface.co/org/name/tree/%zz", "broken percent sign", nil),
        ("r.io/Team/M", "lower-case", "write r.io/team/m, or hf://r.io/Team/M"), ("r.io/", "no path", nil),
        ("r.io:0/m", "no host", nil), ("r.io/m:-v", "a tag has", nil), ("r.io/m@sha256:12", "64 hex digits", nil),
        ("r.io/m@v1", "64 hex digits", nil), ("r.io/a..b", "lower-case", nil), ("r.io/a___b", "lower-case", nil),
    ]) func `is refused with what to type instead`(text: String, what: String, fix: String?) throws {
        let error = try #require(throws: CakeError.self) { try describe(text) }
        #expect(error.kind == .usage || error.kind == .damaged)
        #expect(error.what.contains(what), "\(error)")
        if let fix { #expect(error.fix?.contains(fix) == true, "\(error)") }
        #expect(!error.what.unicodeScalars.contains("\u{1b}"))
    }

    @Test func `is named in the store as it was asked for`() throws {
        guard case .hub(let reference) = try Reference("gpt2@v1") else { throw CakeError(.failed, "no Hub") }
        #expect(reference.storeName == "openai-community/gpt2@v1")
        #expect(try reference.at("v2").storeName == "openai-community/gpt2@v2")
        #expect(throws: CakeError.self) { try reference.at("a b") }
        #expect(reference.repository.cacheFolder == "models--openai-community--gpt2")
    }

    @Test func `has a nearest neighbour among what is known, but never itself`() {
        #expect(Reference.suggestion(for: "mistrl-7b@main") == "mistral-7b")
        #expect(Reference.suggestion(for: "org/nmae", known: ["org/name"]) == "org/name")
        #expect(Reference.suggestion(for: "my-modl", aliases: ["my-model": "a/b"]) == "my-model")
        #expect(Reference.suggestion(for: "gpt2") != "gpt2")
    }

    @Test func `never stops the program, whatever it is`() {
        let seeds = [
            "hf://datasets/org/name@refs%2Fpr%2F1/a/b", "https://huggingface.co/org/name/resolve/main/x%20y?a=b#c",
            "[::ffff:1.2.3.4]:5000/team/m:v1@sha256:00", "mistral-7b@v1", "oci://localhost:5000/a/b",
        ]
        var random = SeededNumbers(seed: 1)
        for _ in 0..<4000 {
            let text = String(
                decoding: random.mutate(Array(seeds.randomElement(using: &random)?.utf8 ?? "".utf8)), as: UTF8.self)
            _ = try? Reference(text)
        }
    }
}
