import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `An archive of another tool's shape` {
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one", tensors: 5)
        try home.cake("import", home.path("one").path, "team/one")
    }

    private func manifest(_ name: String, in store: String? = nil) throws -> JSONValue? {
        let words = store.map { ["--store", home.path($0).path] } ?? []
        return try JSONValue(parsing: Array(try home.cake(words + ["ls", "--json", name]).output.utf8).span).array?
            .first?["manifest"]
    }

    @Test(arguments: [
        "tar --as image", "folder --as image", "tar --as modelpack", "folder --as modelpack", "docker --as image",
    ])
    func `gives the model that it was made of, tensor by tensor`(_ form: String) throws {
        let parts = form.split(separator: " ", maxSplits: 1)
        let target = parts[0] == "folder" ? "there/" : "there.tar"
        let made = try home.shell("cd && $CAKE save team/one \(parts[1]) -o \(target)")
        #expect(made.status == 0, "\(made.errors)")
        if parts[0] == "docker" {
            // As docker before version 25 writes it.
            let old = try home.shell(
                "cd && tar -xf there.tar && mkdir -p old/abc && mv blobs/sha256/* old/abc && "
                    + "sed 's,blobs/sha256/,abc/,g' manifest.json > old/manifest.json && rm there.tar && "
                    + "tar -C old -cf there.tar manifest.json abc")
            #expect(old.status == 0, "\(old.errors)")
        }
        let loaded = try home.shell("cd && $CAKE --store other load \(target)")
        #expect(loaded.status == 0, "\(loaded.errors)")
        #expect(
            loaded.output.contains(
                parts[1].hasSuffix("image") ? "from an image with models/" : "from a ModelPack artifact"))
        #expect(try manifest("team/one", in: "other") == manifest("team/one"))
        #expect(try home.shell("cd && $CAKE --store other verify team/one").status == 0)
        let again = try home.shell("cd && $CAKE --store other load \(target) --json")
        let document = try JSONValue(parsing: Array(again.output.utf8).span)
        #expect(document["bytes_stored"] == 0 && document["layers_new"] == 0, "\(again.output)\(again.errors)")
        #expect(
            document["models"]?.array?.first?["shape"]?.string == (parts[1].hasSuffix("image") ? "image" : "modelpack"))
    }

    @Test func `stands in one index beside models of cake's own`() throws {
        try home.makeModel("two", tensors: 3)
        let result = try home.shell(
            """
            cd && $CAKE import two two && $CAKE save team/one --as modelpack -o a/ && $CAKE save two -o b/ &&
            cp -rn b/blobs a/ && python3 -c '
            import json
            a, b = (json.load(open(p + "/index.json")) for p in "ab")
            a["manifests"] += b["manifests"]
            json.dump(a, open("a/index.json", "w"))' && $CAKE --store other load a/ && $CAKE --store other ls --names
            """)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.hasSuffix("team/one\ntwo\n"))
    }

    @Test func `is refused with what to type, and leaves no name`() throws {
        #expect(
            try home.shell(
                "cd && $CAKE save team/one --as image -o good/ && $CAKE save team/one --as modelpack -o pack.tar"
            ).status == 0)
        let largest = "f=$(ls -S bad/blobs/sha256/* | head -1)"
        let rows: [(change: String, load: String, says: String)] = [
            (
                "\(largest); printf x | dd of=$f bs=1 seek=9000 conv=notrunc 2>/dev/null", "bad/",
                "its bytes are not those that its digest names"
            ),
            ("\(largest); truncate -s -512 $f", "bad/", "and its manifest says"),
            ("\(largest); rm $f", "bad/", "which is not in it"),
            ("\(largest); rm $f; ln -s /etc/passwd $f", "bad/", "is not a plain file"),
            ("rm bad/oci-layout bad/manifest.json", "bad/", "is not a bundle"),
            (
                "rm bad/oci-layout; sed -i 's/\"Layers\":\\[/&\"nosuch\",/' bad/manifest.json", "bad/",
                "and its config names"
            ),
            ("rm bad/oci-layout; echo '{}' > bad/manifest.json", "bad/", "has no list of images"),
            ("rm bad/oci-layout; echo '[{}]' > bad/manifest.json", "bad/", "without a config or layers"),
            (":", "- < pack.tar", "write it to a file, and load that"),
        ]
        for (change, load, says) in rows {
            let result = try home.shell(
                "cd && rm -rf bad && cp -r good bad && { \(change); } && $CAKE --store empty load \(load)")
            #expect(result.status != 0 && result.errors.contains(says), "\(change): \(result.errors)")
            #expect(try home.shell("cd && $CAKE --store empty ls --names").output == "", "\(change)")
        }
        try home.makeModel("two", tensors: 3)
        let taken = try home.shell("cd && $CAKE --store taken import two team/one && $CAKE --store taken load pack.tar")
        #expect(taken.status != 0 && taken.errors.contains("--force"), "\(taken.errors)")
        #expect(try home.shell("cd && $CAKE --store taken load pack.tar --force").status == 0)
        #expect(try manifest("team/one", in: "taken") == manifest("team/one"))
    }
}
