import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

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
        #expect(first.output.contains("2 of 4 tensors") && first.output.contains("a part is not checked"))
        #expect(!first.output.contains("every file is as"))
        #expect(home.hub.sent(.cdn()) < (6 << 20) + (1 << 20))
        #expect(try home.cake("ls").output.contains("org/large (partial)"))
        #expect(try home.document("ls").array?.first?["partial"] == true)
        let verify = try home.cake("verify")
        #expect(verify.status == 0 && verify.errors.contains("2 tensors are not here, the first model.layers.0.weight"))
        home.hub.forgetRequests()
        let all = try home.cake("pull", "org/large", "--no-probe")
        #expect(all.status == 0 && all.output.contains("every file is as its publisher's hash says"), "\(all.errors)")
        #expect(home.hub.sent(.cdn()) < (6 << 20) + (1 << 20))
        #expect(!(try home.cake("ls").output.contains("(partial)")))
        #expect(try home.cake("export", "org/large", "-o", "back").status == 0)
        let back = Array(try Data(contentsOf: URL(filePath: home.folder.path + "/back/model.safetensors")))
        let wanted = try ModelMaker.safetensors(large)
        #expect(back == wanted)
        let again = try home.cake("pull", "org/large", "--layers", "1")
        #expect(again.status == 1 && again.errors.contains("is here whole"))
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
        #expect(all.status == 2 && all.errors.contains("every tensor fits"), "\(all.errors)")
        #expect(try home.cake("pull", "org/large").status == 0)
        let none = try home.cake("pull", "org/tune", "--layers", "900")
        #expect(none.status == 10)
        #expect(try home.cake("pull", "org/tune", "--layers", "1", "--dry-run").status == 2)
    }
}
