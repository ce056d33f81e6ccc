import Foundation
import Model
import Support
import Testing

@testable import cake

private func manifest(_ model: SmallModel, other: [(String, UInt64)] = []) throws -> Manifest {
    func layer(_ bytes: [UInt8]) -> Layer {
        // A stand-in for SHA-256: equal bytes, equal digest.
        var (first, second): (UInt64, UInt64) = (UInt64(bytes.count), 7)
        for byte in bytes { (first, second) = (second &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(byte), first &+ second) }
        return Layer(digest: Digest(words: (first, second, 0, 0)), size: UInt64(bytes.count))
    }
    let segments = model.tensors.map { Manifest.Segment(layer: layer($0.1), tensor: $0.0) }
    let size = segments.reduce(0) { $0 + $1.layer.size }
    var files = [
        try Manifest.File(path: try FilePath("model.safetensors"), digest: .empty, size: size, segments: segments)
    ]
    for (path, size) in other {
        let layer = Layer(digest: Digest(words: (size, 0, 0, 0)), size: size)
        let segment = Manifest.Segment(layer: layer, tensor: nil)
        files.append(try Manifest.File(path: try FilePath(path), digest: layer.digest, size: size, segments: [segment]))
    }
    return try Manifest(files: files)
}

private func sections(_ draw: (Int?) -> [String]) -> [String] {
    [40, 80, 120, nil].flatMap { width in [width.map { "== \($0) columns" } ?? "== a pipe"] + draw(width) }
}

@Suite struct `What two models have to do with each other` {
    private func comparison(_ numbers: Bool) throws -> Comparison {
        let extra = [
            Tensor(name: "lora\u{1b}.scale", dtype: .f32, shape: []),
            Tensor(name: "model.rotary_embedding.inverse_frequencies", dtype: .f16, shape: [64]),
        ]
        let old = SmallModel(extra: [Tensor(name: extra[1].name, dtype: .f16, shape: [32])])
        let difference = Difference(
            from: try manifest(old, other: [("config.json", 571), ("tokenizer.json", 9_084_480), ("old.txt", 1)]),
            to: try manifest(
                SmallModel(changed: 30..<32, extra: extra),
                other: [("config.json", 580), ("tokenizer.json", 9_084_480), ("README.md", 1200)]))
        var found: [NumericDifference?]?
        if numbers {
            found = difference.tensors.map { change in
                guard change.kind == .changed, change.after?.tensor.dtype == .bf16 else { return nil }
                var result = NumericDifference()
                let (a, b): ([UInt16], [UInt16]) = ([0x3f80, 0x3f80, 0x7fc0], [0x3f80, 0x3f81, 0x3f80])
                result.compare(a.span, b.span, as: .bf16)
                return result
            }
        }
        return Comparison(before: "mistral-7b", after: "./mistral-ft", difference: difference, numbers: found)
    }

    @Test func `looks as it should at every width`() throws {
        for numbers in [false, true] {
            let drawing = ComparisonDrawing(comparison: try comparison(numbers))
            let name = numbers ? "diff-numeric" : "diff"
            try Golden.check(
                sections { drawing.lines(listingTensors: false, width: $0, style: Style(isOn: false)) }, name)
        }
        let drawing = ComparisonDrawing(comparison: try comparison(true))
        let lines = sections { drawing.lines(listingTensors: true, width: $0, style: Style(isOn: false)) }
        // Of what is the same, one is enough.
        try Golden.check(
            lines.filter { !$0.contains(" same") || $0.contains("31.input") || $0.contains(": ") }, "diff-tensors")
    }

    @Test func `fits every width and one screen, however many blocks differ`() throws {
        let model = SmallModel(layers: 300)
        // Every other block: no two are one row.
        let other = model.tensors.enumerated().filter { $0.offset % 6 != 4 }.map { $0.element.0 }
        let difference = Difference(from: try manifest(model), to: try manifest(SmallModel(layers: 0, extra: other)))
        let drawing = ComparisonDrawing(comparison: Comparison(before: "a", after: "b", difference: difference))
        for width in 30...120 {
            let lines = drawing.lines(listingTensors: false, width: width, style: Style(isOn: false))
            #expect(lines.allSatisfy { TextWidth.of($0) <= width }, "\(width)")
            #expect(lines.count < 60)
        }
        #expect(drawing.lines(listingTensors: false, width: nil, style: Style(isOn: false)).count > 300)
    }
}

@Suite struct `cake diff` {
    private func folder() throws -> ModelFolder {
        let folder = try ModelFolder()
        try folder.write(SmallModel().tensors, "a/model.safetensors")
        try folder.write(SmallModel.config, "a/config.json")
        try folder.write(SmallModel(changed: 30..<32).tensors, "b/model.safetensors")
        try folder.write(SmallModel.config, "b/config.json")
        for name in ["a", "b"] { #expect(try folder.cake("import", name, name).status == 0) }
        return folder
    }

    @Test func `says the same of names, folders and files`() throws {
        let folder = try folder()
        func document(_ a: String, _ b: String) throws -> JSONValue {
            try ModelFolder.document(try folder.cake("diff", a, b, "--json", "--tensors", "--numeric"))
        }
        let stored = try document("a", "b")
        #expect(stored["counts"]?["changed"] == 4 && stored["counts"]?["same"] == 93)
        #expect(stored["blocks"]?.array?.count == 3)
        for (a, b) in [("./a", "./b"), ("a", "./b"), ("./a", "b"), ("a/model.safetensors", "b/model.safetensors")] {
            let other = try document(a, b)
            for key in ["counts", "blocks", "tensors", "same"] {
                #expect(other[key] == stored[key], "\(a) \(b) \(key)")
            }
        }
        #expect(try document("./a", "./b")["bytes_needed"] == stored["bytes_needed"])
    }

    @Test func `answers by its status when asked, and then fails with another`() throws {
        let folder = try folder()
        #expect(try folder.cake("diff", "a", "b").status == 0)
        let differs = try folder.cake("diff", "a", "b", "--exit-code", "--quiet")
        #expect(differs.status == 1 && differs.output == "" && differs.errors == "")
        #expect(try folder.cake("diff", "a", "./a", "--exit-code").status == 0)
        #expect(try folder.cake("diff", "a", "nobody", "--exit-code").status == 10)
        try folder.write("text", "store/cake.store")
        #expect(try folder.cake("diff", "a", "b", "--exit-code").status == 11)
    }

    @Test func `tells apart the same files and the same tensors in other files`() throws {
        let folder = try folder()
        #expect(try folder.cake("diff", "a", "./a").output.contains("The same files with the same bytes."))
        let tensors = SmallModel().tensors
        try folder.write(Array(tensors[..<10]), "c/one.safetensors")
        try folder.write(Array(tensors[10...]), "c/two.safetensors")
        try folder.write(SmallModel.config, "c/config.json")
        let result = try folder.cake("diff", "a", "./c", "--exit-code")
        #expect(result.status == 0 && result.output.contains("only the headers, or which file a tensor is in, differ"))
    }
}
