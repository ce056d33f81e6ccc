import Model
import Support
import Testing

@Suite struct `An entry of a layer` {
    private func place(
        _ name: String, _ kind: TarScanner.Entry.Kind = .file, in content: ForeignLayer.Content = .imageLayer
    ) throws -> ArchivePlace {
        try ArchivePlace(TarScanner.Entry(name: Array(name.utf8), kind: kind, size: 0), in: content)
    }

    private func path(_ text: String) throws -> FilePath { try FilePath(text) }

    @Test func `of an image counts where it lies in models/`() throws {
        #expect(try place("models/a/b") == .file(path("a/b")))
        #expect(try place("./models/a") == .file(path("a")))
        #expect(try place("models/", .folder) == .folder(nil))
        #expect(try place("models/sub/", .folder) == .folder(path("sub")))
        #expect(try place("models/.wh.a") == .removed(path("a")))
        #expect(try place("models/sub/.wh..wh..opq") == .emptied(path("sub")))
        #expect(try place("models/.wh..wh..opq") == .emptied(nil))
        #expect(try place(".wh.models") == .removed(nil))
        #expect(try place(".wh..wh..opq") == .emptied(nil))
        #expect(try place("models/.wh..wh.plnk") == .outside)
        for outside in ["bin/sh", "modelsX/a", "x"] { #expect(try place(outside, .other("a link")) == .outside) }
    }

    @Test func `of another archive counts anywhere, in the folder of its layer`() throws {
        #expect(try place("models/a", in: .tar(in: nil)) == .file(path("models/a")))
        #expect(try place("./a", in: .tar(in: path("docs"))) == .file(path("docs/a")))
        #expect(try place("./", .folder, in: .tar(in: path("docs"))) == .folder(path("docs")))
        // It is no whiteout there.
        #expect(try place(".wh.a", in: .tar(in: nil)) == .file(path(".wh.a")))
    }

    @Test(arguments: [
        ("models/../etc/passwd", "leads out"), ("../models/a", "leads out"), ("bin/../../x", "leads out"),
        ("/models/a", "absolute"), ("models//a", "empty part"), ("models/a\u{1}", "control character"),
        ("models", "folder of the model"), ("models/a\\b", "backslash"),
    ])
    func `that climbs or has no valid name is refused`(_ name: String, _ words: String) throws {
        let error = #expect(throws: CakeError.self) { try place(name) }
        #expect(error?.what.contains(words) == true, "\(error?.what ?? "")")
    }

    @Test(arguments: ["a symbolic link", "a hard link", "a device", "a named pipe", "a sparse file"])
    func `that is no file is refused in the model`(_ what: String) throws {
        for (name, content) in [("models/a", ForeignLayer.Content.imageLayer), ("a", .tar(in: nil))] {
            let error = #expect(throws: CakeError.self) { try place(name, .other(what), in: content) }
            #expect(error?.what.contains(what) == true)
        }
        #expect(throws: CakeError.self) { try place("models", .other(what)) }
    }

    @Test func `whose name is not UTF-8 is refused in the model alone`() throws {
        func read(_ folder: String) throws -> ArchivePlace {
            try ArchivePlace(
                TarScanner.Entry(name: Array(folder.utf8) + [0xff], kind: .file, size: 0), in: .imageLayer)
        }
        #expect(try read("etc/") == .outside)
        #expect(throws: CakeError.self) { try read("models/") }
    }
}

@Suite struct `Layers that lie one over the other` {
    private func files(_ layers: [[(String, ArchivePlace)]]) -> [String: String] {
        var overlay = Overlay<String>()
        for layer in layers { overlay.add(layer.map { ($0.1, $0.0) }) }
        return Dictionary(uniqueKeysWithValues: overlay.files.map { ($0.key.string, $0.value) })
    }

    private func file(_ path: String, _ content: String) throws -> (String, ArchivePlace) {
        (content, .file(try FilePath(path)))
    }

    @Test func `replace and remove files, and folders with all that is in them`() throws {
        let base = [
            try file("a", "1"), try file("sub/b", "1"), try file("sub/deep/c", "1"), try file("subway", "1"),
        ]
        #expect(files([base, [try file("a", "2")]])["a"] == "2")
        let removed = files([base, [("", .removed(try FilePath("sub")))]])
        #expect(Set(removed.keys) == ["a", "subway"])
        let emptied = files([base, [("", .emptied(try FilePath("sub"))), try file("sub/new", "2")]])
        #expect(Set(emptied.keys) == ["a", "sub/new", "subway"])
        #expect(files([base, [("", .removed(nil)), try file("x", "2")]]) == ["x": "2"])
        #expect(files([base, [("", .emptied(nil))]]).isEmpty)
    }

    @Test func `keep what is in the layer of the whiteout itself`() throws {
        let both: [(String, ArchivePlace)] = [try file("a", "2"), ("", .removed(try FilePath("a")))]
        #expect(files([[try file("a", "1")], both]) == ["a": "2"])
    }

    @Test func `put files in the place of folders, and folders in the place of files`() throws {
        let base = [try file("sub/b", "1"), try file("x", "1")]
        #expect(files([base, [try file("sub", "2")]]) == ["sub": "2", "x": "1"])
        #expect(files([base, [try file("x/y", "2")]]) == ["sub/b": "1", "x/y": "2"])
        #expect(files([base, [("", .folder(try FilePath("x")))]]) == ["sub/b": "1"])
    }
}

@Suite struct `What was in an archive` {
    @Test func `is written and read again`() throws {
        let path = try FilePath("a%/ü")
        let layers = [
            ForeignLayer(digest: RawModel.digest(1), size: 9, content: .imageLayer),
            ForeignLayer(digest: RawModel.digest(2), size: 9, content: .tar(in: nil)),
            ForeignLayer(digest: RawModel.digest(2), size: 9, content: .tar(in: path)),
        ]
        let entries: [ArchiveContents.Entry] = [
            .init(.file(path), digest: RawModel.digest(3), size: 12), .init(.folder(nil)), .init(.folder(path)),
            .init(.removed(nil)), .init(.removed(path)), .init(.emptied(nil)), .init(.emptied(path)), .init(.outside),
        ]
        let all = layers.map { ArchiveContents(ArchiveContents.Key($0), entries) }
        var bytes: [UInt8] = []
        for one in all { one.append(to: &bytes) }
        let again = ArchiveContents.all(in: bytes.span)
        #expect(again == all)
        #expect(all[0].entries.count == 7)
        for count in bytes.indices
        where bytes[count] != UInt8(ascii: "\n") && count > 0 && bytes[count - 1] != UInt8(ascii: "\n") {
            let part = Array(bytes[..<count])
            let cut = ArchiveContents.all(in: part.span)
            #expect(cut == nil)
        }
    }
}
