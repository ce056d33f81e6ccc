import Foundation
import Model
import Support
import Testing

@Suite struct `A layer of a model's image` {
    /// 148 bytes: with `models/` as many as a prefix has.
    private static let deep = [29, 29, 29, 29, 28].map { String(repeating: "d", count: $0) }.joined(separator: "/")

    /// As GNU tar writes these entries.
    private func archive(_ files: KeyValuePairs<String, [UInt8]>, entries: [String]) throws -> [UInt8] {
        let scratch = try Scratch()
        for (path, bytes) in files {
            let place = URL(filePath: scratch["models/" + path])
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: place)
        }
        let tar = try Tool.run(
            "tar",
            [
                "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u=rwX,go=rX",
                "--no-recursion", "-b1", "-C", scratch.path, "-cf", "-",
            ] + entries)
        try #require(tar.status == 0, "\(tar.errors)")
        return Array(tar.bytes)
    }

    @Test(
        arguments: [
            ["config.json": Array("{}\n".utf8)],
            ["a": [], "b": [1]],
            ["a": [UInt8](repeating: 7, count: 512), "x/y/b": [1], "x/y/c": [2], "z": [3]],
            [String(repeating: "n", count: 93): [1]],
            ["\(deep)/\(String(repeating: "n", count: 100))": [1]],
            ["\(String(repeating: "d", count: 60))/\(String(repeating: "e", count: 60))/n": [1]],
        ] as [KeyValuePairs<String, [UInt8]>])
    func `has the bytes that GNU tar writes`(files: KeyValuePairs<String, [UInt8]>) throws {
        let shaped = try ShapedFiles(files)
        let plans = try ImageLayers.plans(of: shaped.files)
        try #require(plans.count == 1)
        // Each folder before the first file in it.
        var (entries, seen) = (["models/"], Set<String>())
        for file in shaped.files {
            var path = "models/"
            for part in file.path.parts.dropLast() {
                path += part + "/"
                if seen.insert(path).inserted { entries.append(path) }
            }
            entries.append("models/" + file.path.string)
        }
        #expect(try shaped.bytes(plans[0]) == archive(files, entries: entries))
    }

    @Test func `has a digest that never changes`() throws {
        let shaped = try ShapedFiles(["config.json": Array("{}\n".utf8)])
        let bytes = shaped.bytes(try ImageLayers.plans(of: shaped.files)[0])
        #expect(bytes.count == 2560)
        #expect(sha256(bytes).hex == "8fa7dc28636fc7dc3bf70362ba7f619eebd650928726a4370c68eb9fd683d091")
    }

    @Test func `says the size of a file of 8 GiB and more in a record of its own`() throws {
        func head(_ size: UInt64) throws -> [UInt8] {
            let plan = try ImageLayers.plans(of: [ShapedFiles.file("big.safetensors", size: size)])[0]
            guard case .bytes(let bytes) = plan.pieces[0] else { return [] }
            #expect(plan.size == UInt64(bytes.count) + (size + 511) / 512 * 512 + 1024)
            return Array(bytes.dropFirst(512))
        }
        #expect(
            sha256(try head(9 << 30)).hex == "6f3869350a53d372636290cb6b52a4e5074c2d163915e6c9698f5f870fec1bfc")
        #expect(try head((8 << 30) - 1).count == 512 && head(8 << 30).count == 1536)
    }

    @Test(arguments: [
        "é", "日本/語.json", String(repeating: "n", count: 101),
        "\(String(repeating: "d", count: 156))/n", "\(String(repeating: "ü", count: 80))/ö/n",
    ])
    func `is read by GNU tar with a name that fits no field`(name: String) throws {
        let shaped = try ShapedFiles([name: [1, 2, 3], "plain": [4]])
        let scratch = try Scratch()
        try Data(shaped.bytes(ImageLayers.plans(of: shaped.files)[0])).write(to: URL(filePath: scratch["layer.tar"]))
        let tar = try Tool.run("tar", ["-C", scratch.path, "-xf", scratch["layer.tar"]])
        try #require(tar.status == 0, "\(tar.errors)")
        #expect(try ModelMaker.read(scratch["models"]) == [name: [1, 2, 3], "plain": [4]])
    }

    @Test func `can be given in any range`() throws {
        let shaped = try ShapedFiles(["a": seededBytes(700, seed: 1, .random), "b/c": seededBytes(3, seed: 2, .random)])
        let plan = try ImageLayers.plans(of: shaped.files)[0]
        let whole = shaped.bytes(plan)
        #expect(UInt64(whole.count) == plan.size)
        for start in stride(from: 0, to: whole.count, by: 177) {
            for end in stride(from: start, through: whole.count, by: 311) {
                #expect(shaped.bytes(plan, UInt64(start)..<UInt64(end)) == Array(whole[start..<end]))
            }
        }
    }
}

@Suite struct `The layers of a model's image` {
    private static let large = ImageLayers.large

    private func paths(_ sizes: KeyValuePairs<String, UInt64>, most: Int = ImageLayers.most) throws -> [String] {
        let files = try sizes.map { try ShapedFiles.file($0.key, size: $0.value) }
        return try ImageLayers.plans(of: files, most: most).map { plan in
            plan.files.map(\.path.string).joined(separator: " ")
        }
    }

    @Test func `are one for each large file, and one for all others`() throws {
        let large = Self.large
        #expect(try paths(["a": large, "b": large - 1, "c": large + 1, "d": 1]) == ["a", "c", "b d"])
        #expect(try paths(["a": large]) == ["a"] && paths(["b": 1, "c": 2]) == ["b c"])
        #expect(try paths([:]) == [""])
    }

    @Test func `are no more than allowed: the smallest share one`() throws {
        let large = Self.large
        let sizes: KeyValuePairs = ["a": large, "b": 9 * large, "c": 2 * large, "d": 9 * large, "e": 1]
        #expect(try paths(sizes, most: 4) == ["a c", "b", "d", "e"])
        #expect(try paths(sizes, most: 3) == ["a b c", "d", "e"])
        #expect(try paths(sizes, most: 1) == ["a b c d", "e"])
    }

    @Test func `are 120 for a model of a thousand shards`() throws {
        let files = try (1000..<2000).map { try ShapedFiles.file("model-\($0).safetensors", size: 1 << 30) }
        let plans = try ImageLayers.plans(of: files + [ShapedFiles.file("z", size: 1)])
        #expect(plans.count == 120)
        #expect(Set(plans.flatMap { $0.files.map(\.path.string) }).count == 1001)
        #expect(plans.dropLast().allSatisfy { (8...16).contains($0.files.reduce(0) { count, _ in count + 1 }) })
    }

    @Test func `cannot have a file whose name means there that it was deleted`() throws {
        for path in [".wh.config.json", "a/.wh..wh..opq", ".wh.x/y"] {
            let error = #expect(throws: CakeError.self) {
                try ImageLayers.plans(of: [ShapedFiles.file(path, size: 1)])
            }
            #expect(error?.what.contains("means there that a file was deleted") == true && error?.fix != nil)
        }
        #expect(try paths([".who": 1, "a.wh.b": 1]) == [".who a.wh.b"])
    }
}
