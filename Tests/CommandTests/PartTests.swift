import Foundation
import Hub
import Model
import Store
import Support
import Testing

@testable import cake

@Suite(.serialized) struct `A part of a model that is made from another` {
    private func parts(_ change: Int?) -> [ModelMaker.Part] {
        (0..<4).map { number in
            let seed = UInt64(number) + (number == change ? 100 : 40)
            return ModelMaker.Part("model.layers.\(number).weight", bytes: 1_400_000, seed: seed)
        }
    }

    @Test func `takes from it what the Hub's Xet server says is the same`() throws {
        var settings = HubSettings()
        settings.xet = true
        let home = try HubHome(settings)
        try home.shelf.write("org/xet", ["model.safetensors": try ModelMaker.safetensors(parts(nil))])
        try home.shelf.write("org/xet-tune", ["model.safetensors": try ModelMaker.safetensors(parts(1))])
        #expect(try home.cake("pull", "org/xet").status == 0)
        home.hub.forgetRequests()
        let part = try home.cake("pull", "org/xet-tune", "--layers", "1-2")
        #expect(
            part.status == 0 && part.output.contains("reused from models here (file hash verified)"),
            "\(part.output)\(part.errors)")
        #expect(part.output.contains("2 of 4 tensors"))
        #expect(home.hub.sent(.cdn()) < 1_400_000 + 800_000)
        let all = try home.cake("pull", "org/xet-tune")
        #expect(all.status == 0 && all.output.contains("every file matches its published hash"), "\(all.errors)")
    }
}

@Suite(.serialized) struct `A part of a model` {
    private let home: HubHome
    private let large: [ModelMaker.Part]

    init() throws {
        home = try HubHome()
        large = (0..<4).map { ModelMaker.Part("model.layers.\($0).weight", bytes: 3 << 20, seed: UInt64($0)) }
        try home.shelf.write(
            "org/large",
            [
                "model.safetensors": try ModelMaker.safetensors(large), "config.json": Array("{}\n".utf8),
            ])
    }

    @Test func `costs the tensors that are wanted, is said to be one, and is completed by a pull`() throws {
        let first = try home.cake("pull", "org/large", "--layers", "1-2")
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.output.contains("2 of 4 tensors") && first.output.contains("part of a model cannot be checked"))
        #expect(!first.output.contains("every file matches"))
        #expect(home.hub.sent(.cdn()) < (6 << 20) + (1 << 20))
        #expect(try home.cake("ls").output.contains("org/large (partial)"))
        #expect(try home.document("ls").array?.first?["partial"] == true)
        let verify = try home.cake("verify")
        #expect(verify.status == 0 && verify.errors.contains("2 tensors are not here, the first model.layers.0.weight"))
        home.hub.forgetRequests()
        let all = try home.cake("pull", "org/large", "--no-probe")
        #expect(all.status == 0 && all.output.contains("every file matches its published hash"), "\(all.errors)")
        #expect(home.hub.sent(.cdn()) < (6 << 20) + (1 << 20))
        #expect(!(try home.cake("ls").output.contains("(partial)")))
        #expect(try home.cake("export", "org/large", "-o", "back").status == 0)
        let back = Array(try Data(contentsOf: URL(filePath: home.folder.path + "/back/model.safetensors")))
        let wanted = try ModelMaker.safetensors(large)
        #expect(back == wanted)
        let again = try home.cake("pull", "org/large", "--layers", "1")
        #expect(again.status == 1 && again.errors.contains("is complete here"))
    }

    @Test func `is made of a model that is here under another name, and has no more tensors than were asked for`()
        throws
    {
        #expect(try home.cake("pull", "org/large").status == 0)
        home.hub.forgetRequests()
        let part = try home.cake("pull", "org/large", "--layers", "1-2", "--as", "small")
        #expect(part.status == 0 && part.output.contains("2 of 4 tensors"), "\(part.output)\(part.errors)")
        #expect(home.hub.sent(.cdn()) == 0)
        #expect(try home.cake("ls").output.contains("small (partial)"))
        #expect(try home.document("inspect", "small")["tensor_count"] == 2)
        // And grows from there.
        let more = try home.cake("pull", "org/large", "--tensors", "*.3.*", "--as", "small")
        #expect(more.status == 0 && more.output.contains("3 of 4 tensors"), "\(more.output)\(more.errors)")
        for (words, fix) in [
            (["--tensors", "*.0.*", "--as", "small"], "cake pull hf://org/large --as small"),
            (["--tensors", "*", "--as", "all"], "cake pull hf://org/large --as all"),
        ] {
            let all = try home.cake(["pull", "org/large"] + words)
            #expect(all.status == 2 && all.errors.contains("every tensor matches"), "\(all.errors)")
            #expect(all.errors.contains("fix: \(fix)\n"), "\(all.errors)")
        }
        #expect(try home.cake("pull", "hf://org/large", "--as", "small").status == 0)
        #expect(try home.document("ls", "small").array?.first?["partial"] == false)
    }

    @Test func `grows, and is exported as a file of what is here`() throws {
        #expect(try home.cake("pull", "org/tune", "--layers", "0").status == 0)
        let more = try home.cake("pull", "org/tune", "--tensors", "*.7.*")
        #expect(more.status == 0 && more.output.contains("6 of 25 tensors"), "\(more.output)\(more.errors)")
        let whole = try home.cake("export", "org/tune", "-o", "part")
        #expect(
            whole.status == 0 && whole.errors.contains("pulled in part: 19 tensors are not here"), "\(whole.errors)")
        let read = try home.document("inspect", "./part/model.safetensors")
        #expect(read["tensor_count"] == 6)
        let wrong = try home.cake(
            "export", "org/tune", "--format", "safetensors", "--layers", "0-1", "-o", "x.safetensors")
        #expect(wrong.status == 10 && wrong.errors.contains("model.layers.1."), "\(wrong.errors)")
        #expect(try home.cake("export", "org/tune", "--format", "hf-cache", "-o", "hub").status == 10)
        #expect(try home.cake("pull", "org/tune").status == 0)
        #expect(try home.cake("export", "org/tune", "-o", "all").status == 0)
        #expect(!FileManager.default.fileExists(atPath: home.folder.path + "/all/model.safetensors"))
        #expect(try home.document("ls").array?.first?["partial"] == false)
    }

    @Test func `that came wrong is found out when it is completed`() throws {
        let name = "model.safetensors"
        home.hub.misbehave(.flip(atByte: 4 << 20), when: .cdn(endingIn: name))
        #expect(try home.cake("pull", "org/large", "--layers", "1").status == 0)
        home.hub.behave()
        let all = try home.cake("pull", "org/large")
        #expect(all.status == 0, "\(all.errors)")
        #expect(try home.cake("export", "org/large", "-o", "back").status == 0)
        let back = Array(try Data(contentsOf: URL(filePath: home.folder.path + "/back/model.safetensors")))
        let wanted = try ModelMaker.safetensors(large)
        #expect(back == wanted)
    }

    @Test func `is neither all of it nor nothing`() throws {
        let all = try home.cake("pull", "org/large", "--tensors", "*")
        #expect(all.status == 2 && all.errors.contains("every tensor matches"), "\(all.errors)")
        #expect(try home.cake("pull", "org/large").status == 0)
        let none = try home.cake("pull", "org/tune", "--layers", "900")
        #expect(none.status == 10)
        #expect(try home.cake("pull", "org/tune", "--layers", "1", "--all").status == 2)
    }

    @Test func `says beforehand what it would cost, and moves nothing`() throws {
        let before = try home.cake("pull", "org/large", "--layers", "1-2", "--dry-run")
        #expect(before.output.contains("6.3 MB  model.safetensors, 2 tensors"), "\(before.output)\(before.errors)")
        #expect(before.output.contains("for 2 of 4 tensors"))
        #expect(home.hub.sent(.cdn()) < 1 << 20)
        #expect(try home.document("pull", "org/large", "--layers", "1", "--dry-run")["bytes_to_fetch"] == 3_145_731)
        #expect(try home.cake("pull", "org/large", "--layers", "1").status == 0)
        let after = try home.cake("pull", "org/large", "--layers", "1-2", "--dry-run")
        #expect(after.output.contains("3.1 MB  model.safetensors, 1 tensor"), "\(after.output)")
        #expect(!(try home.cake("ls").output.contains("org/tune")))
    }

    @Test func `is mended from the published files, header and all`() throws {
        #expect(try home.cake("pull", "org/large", "--layers", "1-2").status == 0)
        let store = try home.store()
        let shelf = try Shelf(at: home.folder.store)
        let manifest = try store.manifest(store.find("org/large").record.manifest)
        let file = try #require(manifest.file(at: "model.safetensors"))
        for segment in file.segments {
            let object = shelf.object(segment.layer.digest)
            if FileManager.default.fileExists(atPath: object) { try FileManager.default.removeItem(atPath: object) }
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: shelf.root + "/packs") {
            try FileManager.default.removeItem(atPath: shelf.root + "/packs/" + name)
        }
        home.hub.forgetRequests()
        let export = try home.cake("export", "org/large", "-o", "lost")
        #expect(export.status == 11 && export.errors.contains("tensor model.layers.1.weight"), "\(export.errors)")
        #expect(!FileManager.default.fileExists(atPath: home.folder.path + "/lost"))
        let mended = try home.cake("verify", "--repair")
        #expect(mended.output.contains("repaired from the source of org/large"), "\(mended.output)\(mended.errors)")
        #expect(!mended.output.contains("not repaired"))
        #expect(home.hub.sent(.cdn()) < (6 << 20) + (1 << 20))
        #expect(try home.cake("verify").status == 0)
    }

    @Test func `is said to be one wherever it is looked at`() throws {
        #expect(try home.cake("pull", "org/large", "--layers", "1-2").status == 0)
        let said = "org/large was pulled in part: 2 tensors are not here"
        #expect(try home.cake("inspect", "org/large").errors.contains(said))
        let document = try home.document("inspect", "org/large")
        #expect(document["partial"] == true && document["tensors_missing"] == 2)
        #expect(try home.cake("diff", "org/large", "org/large").errors.contains(said))
        let missing = try home.cake("cat", "org/large", "model.layers.0.weight")
        #expect(missing.status == 10 && missing.errors.contains("is not here"), "\(missing.errors)")
    }
}
