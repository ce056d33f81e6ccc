import Hub
import Model
import Platform
import Store
import Support
import Testing
import Transfer

@testable import cake

private let plain = Style(isOn: false)

@Suite struct `A model on the Hub` {
    @Test func `is described from its headers, as one that is here`() async throws {
        let home = try HubHome()
        let model = try await home.look(at: "org/tune")
        let inspection = try Inspection(.remote(model), typed: "org/tune")
        let drawing = InspectionDrawing(inspection: inspection, now: 0)
        try Golden.check(drawing.lines(width: 80, style: plain), "inspect-remote")
        let remote = try home.document("inspect", "org/tune", "--tensors")
        #expect(try home.cake("pull", "org/tune").status == 0)
        let stored = try home.document("inspect", "org/tune", "--tensors")
        for key in [
            "architectures", "parameters", "layers", "dtypes", "base_model", "tensor_count", "commit", "source",
        ] {
            #expect(remote[key] == stored[key], "\(key)")
        }
        #expect(remote["digests_known"] == 0 && remote["remote"]?["license"] == "mit")
        let names = { (document: JSONValue) in document["tensors"]?.array?.compactMap { $0["name"]?.string } ?? [] }
        #expect(names(remote) == names(stored) && names(remote).count == 25)
    }

    @Test func `costs a look at its headers, not its weights, and leaves nothing behind`() async throws {
        let home = try HubHome()
        let large = ModelMaker.Part("w", bytes: 8 << 20, seed: 1)
        try home.shelf.write("org/large", "model.safetensors", try ModelMaker.safetensors([large]))
        let result = try home.cake("inspect", "org/large")
        #expect(result.status == 0 && result.output.contains("4.2 M in 1 tensor"))
        let asked = home.hub.requests.filter { $0.place == .cdn }
        #expect(asked.map(\.range) == ["bytes=0-65535"])
        #expect(home.hub.sent(.cdn()) <= 65_536)
        #expect(try !LocalStore.exists(at: home.folder.store))
    }

    @Test func `is asked for no byte of a file that is here under another name`() async throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        home.hub.forgetRequests()
        let document = try home.document("inspect", "org/tune")
        // One shard of two is the base's: its digests are known.
        #expect(document["digests_known"] == 13)
        #expect(home.hub.count(.path(with: "00001-of")) == 0 && home.hub.count(.path(with: "config.json")) == 0)
        #expect(home.hub.count(.cdn(endingIn: "00002-of-00002.safetensors")) == 1)
    }

    @Test func `comes after what is here, and only for what is spelled like its name`() throws {
        let home = try HubHome()
        #expect(try home.cake("inspect", "tune").status == 10)
        #expect(home.hub.requests.isEmpty)
        #expect(try home.cake("pull", "org/base").status == 0)
        home.hub.forgetRequests()
        #expect(try home.document("inspect", "org/base")["remote"] == nil)
        #expect(home.hub.requests.isEmpty)
        #expect(try home.document("inspect", "hf://org/base")["remote"] != nil)
        let missing = try home.cake("inspect", "org/nothing")
        #expect(missing.status == 10 && missing.errors.contains("has no model org/nothing"))
    }

    @Test func `is not asked for when there is no network`() throws {
        let home = try HubHome()
        let offline = ["HF_HUB_OFFLINE": "1"]
        for words in [["inspect", "org/tune"], ["search", "x"], ["ls-remote", "org/tune"]] {
            let result = try home.cake(words[0], words[1], variables: offline)
            #expect(result.status == 16 && result.errors.contains("HF_HUB_OFFLINE is set"), "\(words)")
        }
        #expect(try home.cake("diff", "org/tune", "org/base", variables: offline).status == 16)
        #expect(home.hub.requests.isEmpty)
    }

    @Test func `that is gated says so, and what can be known without being let in`() throws {
        let home = try HubHome()
        try home.shelf.set("org/tune", gated: "manual")
        let result = try home.cake("inspect", "org/tune")
        #expect(result.status == 0 && result.output.contains("gated: its owner approves each request"))
        #expect(result.output.contains("not known: its files are not readable for you"))
        #expect(result.errors.contains("accept its terms on"))
        let compared = try home.cake("diff", "org/base", "org/tune")
        #expect(compared.status == 15 && compared.errors.contains("org/tune is gated, and no token was sent"))
    }

    @Test func `whose header lies is shown as plain bytes, with the reason`() throws {
        let home = try HubHome()
        home.hub.misbehave(
            .overwrite(atByte: 0, safetensorsLength(1 << 40)), when: .cdn(endingIn: "00002-of-00002.safetensors"))
        let result = try home.cake("inspect", "org/tune")
        #expect(result.status == 0 && result.output.contains("in 13 tensors"))
        #expect(result.errors.contains("model-00002-of-00002.safetensors: "))
    }

    @Test func `is seen through a server that ignores ranges and one that breaks off`() async throws {
        let home = try HubHome()
        home.hub.misbehave(.ignoreRange, when: .cdn(endingIn: "00001-of-00002.safetensors"))
        home.hub.misbehave(.cut(afterBytes: 100), when: .cdn(endingIn: "00002-of-00002.safetensors").times(1))
        let model = try await home.look(at: "org/tune")
        #expect(model.files.reduce(0) { $0 + $1.cuts.count { $0.tensor != nil } } == 25)
    }
}

@Suite struct `Comparing with a model on the Hub` {
    @Test func `says what is the same, what is not known, and what a pull would cost`() async throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        let store = try home.store()
        let base = Subject.stored(store, try store.find("org/base"))
        let model = try await home.look(at: "org/tune", from: store)
        let before = try base.gitDigests(of: Outline(try store.manifest(store.find("org/base").record.manifest)))
        let difference = Difference(from: before, to: model.outline)
        let comparison = Comparison(
            before: "org/base", after: "org/tune", difference: difference,
            pull: Comparison.Pull(of: model, difference, besideFirst: true), isExact: true)
        try Golden.check(
            ComparisonDrawing(comparison: comparison).lines(listingTensors: false, width: 80, style: plain),
            "diff-remote")

        let document = try home.document("diff", "org/base", "org/tune", "--tensors", "--exact")
        #expect(document["counts"]?["same"] == 13 && document["counts"]?["unknown"] == 12)
        #expect(document["bytes_needed"] == JSONValue(comparison.difference.bytesNeeded))
        let pulled = try home.cake("pull", "org/tune")
        #expect(pulled.status == 0)
        let known = try home.document("diff", "org/base", "org/tune")
        #expect(known["counts"]?["changed"] == 4 && known["counts"]?["unknown"] == 0 && known["pull"] == nil)
        let again = try home.document("diff", "org/base", "hf://org/tune")
        #expect(again["counts"] == known["counts"] && again["pull"]?["bytes_to_fetch"] == 0)
    }

    @Test func `tells by samples what its listing leaves open`() throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        let result = try home.cake("diff", "org/base", "org/tune")
        try Golden.check(
            result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init), "diff-samples")
        let document = try home.document("diff", "org/base", "org/tune")
        #expect(document["counts"]?["alike"] == 8 && document["counts"]?["changed"] == 4)
        #expect(document["counts"]?["unknown"] == 0 && document["bytes_alike"] == document["bytes_unknown"])
    }

    @Test func `needs neither to be here`() throws {
        let home = try HubHome()
        let document = try home.document("diff", "org/base", "org/tune")
        #expect(document["counts"]?["same"] == 13 && document["counts"]?["alike"] == 8)
        #expect(document["pull"]?["files_to_fetch"] == document["pull"]?["files"])
        let same = try home.cake("diff", "org/base", "hf://org/base", "--exit-code")
        #expect(same.status == 0 && same.output.contains("The same files with the same bytes."))
        #expect(try home.cake("diff", "org/base", "org/tune", "--exit-code", "--quiet").status == 1)
        #expect(home.hub.sent(.path(with: "pytorch_model.bin")) == 0)
    }

    @Test func `knows a small file of a folder by git's name for it`() throws {
        let home = try HubHome()
        try home.folder.write(SmallModel.config, "here/config.json")
        try home.folder.write("other", "here/README.md")
        let document = try home.document("diff", "./here", "org/tune")
        let kinds = document["files"]?.array?.compactMap { $0["what"]?.string }
        #expect(kinds == ["changed", "same"])
    }

    @Test func `has no numbers to compare, and says so before anything is read`() throws {
        let home = try HubHome()
        let result = try home.cake("diff", "org/base", "org/tune", "--numeric")
        #expect(result.status == 2 && result.output == "" && result.errors.contains("cake pull org/base"))
    }
}
