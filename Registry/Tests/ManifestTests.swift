import Foundation
import Model
import Support
import Testing

@Suite struct `A manifest in a registry` {
    private let config = Array("{}".utf8)
    private let layer = Array("a layer".utf8)

    private func stage(_ engine: Engine) throws -> Stage {
        let stage = try Stage(engine)
        for bytes in [config, layer] { try stage.push(bytes) }
        return stage
    }

    @Test(arguments: Engine.allCases) func `is pushed by tag and comes back as it was, by tag and by digest`(
        _ engine: Engine
    ) throws {
        let stage = try self.stage(engine)
        // Spaces and unknown members are the sender's, and stay.
        let text = image(
            config: config, layers: [layer, layer], #", "org.example.unknown" : { "x": [1, 2.5, null] }  "#)
        let name = sha256(Array(text.utf8))
        let put = try stage.put(text, as: "v1")
        #expect(put.status == 201 && put["location"] == "/v2/a/b/manifests/\(name)")
        #expect(put["docker-content-digest"] == name.description && put["oci-subject"] == nil)
        for address in ["v1", name.description] {
            let got = try stage.ask("GET", "/v2/a/b/manifests/\(address)", [("Accept", RegistryManifest.image)])
            #expect(got.text == text && got["content-type"] == RegistryManifest.image)
            #expect(got["docker-content-digest"] == name.description)
            let head = try stage.ask("HEAD", "/v2/a/b/manifests/\(address)")
            #expect(head.status == 200 && head["content-length"] == "\(text.utf8.count)" && head.body.isEmpty)
        }
    }

    @Test(arguments: Engine.allCases) func `is pushed by digest, with tags or without`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let text = image(config: config)
        let name = sha256(Array(text.utf8))
        #expect(try stage.put(text, as: "\(name)").status == 201)
        #expect(try stage.ask("GET", "/v2/a/b/tags/list").json?["tags"] == [])
        let tagged = try stage.put(text, as: "\(name)?tag=one&tag=two")
        #expect(tagged.status == 201 && tagged.all("oci-tag") == ["one", "two"])
        #expect(try stage.ask("GET", "/v2/a/b/tags/list").json?["tags"] == ["one", "two"])
        let wrong = try stage.put(text + " ", as: "\(name)")
        #expect(wrong.status == 400 && wrong.code == "DIGEST_INVALID")
        #expect(try stage.put(text, as: "\(name)?tag=.x").status == 400)
    }

    @Test(arguments: Engine.allCases) func `may be named by its SHA-512`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let text = image(config: config)
        let name = try sha512(Array(text.utf8))
        #expect(try stage.put(text, as: "\(name)?tag=long").status == 201)
        for address in [name.description, "long"] {
            let got = try stage.ask("GET", "/v2/a/b/manifests/\(address)")
            #expect(got.text == text && got["docker-content-digest"] == name.description)
        }
        #expect(try stage.ask("DELETE", "/v2/a/b/manifests/\(name)").status == 202)
        #expect(try stage.ask("GET", "/v2/a/b/manifests/long").status == 404)
    }

    @Test(arguments: Engine.allCases) func `needs no layers, and may be an index of what is not here`(_ engine: Engine)
        throws
    {
        let stage = try self.stage(engine)
        #expect(try stage.put(image(config: config), as: "empty").status == 201)
        let none = #"{"schemaVersion":2,"config":\#(descriptor(config))}"#
        #expect(try stage.put(none, as: "none").status == 201)
        let index = #"{"schemaVersion":2,"manifests":[\#(descriptor([9]))]}"#
        #expect(try stage.put(index, as: "index", type: RegistryManifest.index).status == 201)
        #expect(try stage.ask("GET", "/v2/a/b/manifests/index")["content-type"] == RegistryManifest.index)
        // A layer that is elsewhere need not be here.
        let foreign = descriptor([9]).replacing(#""size""#, with: #""urls":["https://example.org/x"],"size""#)
        let text = #"{"schemaVersion":2,"config":\#(descriptor(config)),"layers":[\#(foreign)]}"#
        #expect(try stage.put(text, as: "foreign").status == 201)
    }

    @Test(arguments: Engine.allCases) func `is refused when it names what is not here, or has another size`(
        _ engine: Engine
    ) throws {
        let stage = try self.stage(engine)
        let missing = try stage.put(image(config: config, layers: [[1, 2, 3]]), as: "x")
        #expect(missing.status == 404 && missing.code == "MANIFEST_BLOB_UNKNOWN")
        #expect(missing.json?["errors"]?.array?.first?["detail"]?.string == sha256([1, 2, 3]).description)
        let other = try stage.put(image(config: config), as: "x", in: "other")
        #expect(other.code == "MANIFEST_BLOB_UNKNOWN")
        let size = #"{"schemaVersion":2,"config":\#(descriptor(config, size: 3))}"#
        #expect(try stage.put(size, as: "x").code == "MANIFEST_INVALID")
        #expect(try stage.ask("GET", "/v2/a/b/manifests/x").status == 404)
        #expect(try stage.values(in: "repositories/other").isEmpty)
    }

    @Test(arguments: Engine.allCases) func `is refused when it is none, or too large`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        for text in ["", "{", "[]", #"{"schemaVersion":1}"#, #"{"schemaVersion":2,"config":7}"#] {
            let reply = try stage.put(text, as: "x")
            #expect(reply.status == 400 && reply.code == "MANIFEST_INVALID", "\(text)")
        }
        let other = try stage.put(image(config: config), as: "x", type: RegistryManifest.index)
        #expect(other.status == 400 && other.code == "MANIFEST_INVALID")
        #expect(try stage.put(image(config: config), as: ".x").status == 400)
        let padding = String(repeating: " ", count: RegistryManifest.maximumSize)
        let large = try stage.put(image(config: config) + padding, as: "x")
        #expect(large.status == 413)
        let most = image(config: config)
        let full = most + String(repeating: " ", count: RegistryManifest.maximumSize - most.utf8.count)
        #expect(try stage.put(full, as: "full").status == 201)
        #expect(try stage.ask("GET", "/v2/a/b/manifests/full").body.count == RegistryManifest.maximumSize)
    }

    @Test(arguments: Engine.allCases) func `goes with its tags, and a tag goes alone`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let text = image(config: config)
        let name = sha256(Array(text.utf8))
        for tag in ["one", "two", "three"] { try stage.put(text, as: tag) }
        #expect(try stage.ask("DELETE", "/v2/a/b/manifests/one").status == 202)
        #expect(try stage.ask("GET", "/v2/a/b/manifests/one").status == 404)
        #expect(try stage.ask("GET", "/v2/a/b/manifests/two").text == text)
        #expect(try stage.ask("DELETE", "/v2/a/b/manifests/\(name)").status == 202)
        for address in ["two", "three", name.description] {
            let gone = try stage.ask("GET", "/v2/a/b/manifests/\(address)")
            #expect(gone.status == 404 && gone.code == "MANIFEST_UNKNOWN")
            #expect(try stage.ask("DELETE", "/v2/a/b/manifests/\(address)").status == 404)
        }
        #expect(try stage.ask("GET", "/v2/a/b/tags/list").json?["tags"] == [])
    }

    @Test(arguments: Engine.allCases) func `moves a tag`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        try stage.put(image(config: config), as: "v1")
        let second = image(config: config, layers: [layer])
        try stage.put(second, as: "v1")
        #expect(try stage.ask("GET", "/v2/a/b/manifests/v1").text == second)
    }

    @Test(arguments: Engine.allCases) func `that no client pushed is not here`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        for address in ["nothing", ".INVALID_MANIFEST_NAME", sha256([1]).description] {
            for method in ["GET", "HEAD", "DELETE"] {
                #expect(try stage.ask(method, "/v2/a/b/manifests/\(address)").status == 404, "\(method) \(address)")
            }
        }
        #expect(try stage.ask("GET", "/v2/a/b/manifests/sha256:12").status == 400)
    }
}

@Suite struct `What refers to a manifest` {
    private let config = Array("{}".utf8)

    private func stage(_ engine: Engine) throws -> Stage {
        let stage = try Stage(engine)
        try stage.push(config)
        return stage
    }

    private func refer(to subject: BlobName, _ type: String, _ note: String = "x") -> String {
        let subject = #"{"mediaType":"\#(RegistryManifest.image)","digest":"\#(subject)","size":5}"#
        return image(
            config: config, #","artifactType":"\#(type)","annotations":{"note":"\#(note)"},"subject":\#(subject)"#)
    }

    private func list(
        _ subject: BlobName, _ query: String = "", of stage: Stage
    ) throws -> (Client.Reply, [JSONValue]) {
        let reply = try stage.ask("GET", "/v2/a/b/referrers/\(subject)\(query)")
        return (reply, reply.json?["manifests"]?.array ?? [])
    }

    @Test(arguments: Engine.allCases) func `is listed, though its subject is missing`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let subject = sha256([1])
        let text = refer(to: subject, "a/one", "said")
        let put = try stage.put(text, as: "\(sha256(Array(text.utf8)))")
        #expect(put.status == 201 && put["oci-subject"] == subject.description)
        let (reply, all) = try list(subject, of: stage)
        #expect(reply.status == 200 && reply["content-type"] == RegistryManifest.index && all.count == 1)
        #expect(reply.json?["schemaVersion"] == 2 && reply.json?["mediaType"]?.string == RegistryManifest.index)
        #expect(
            all.first?["digest"]?.string == sha256(Array(text.utf8)).description
                && all.first?["artifactType"] == "a/one")
        #expect(all.first?["annotations"]?["note"] == "said" && all.first?["size"] == JSONValue(text.utf8.count))
    }

    @Test(arguments: Engine.allCases) func `is nothing, where there is none`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let (reply, all) = try list(sha256([2]), of: stage)
        #expect(reply.status == 200 && all.isEmpty && reply.json?["manifests"] == [])
        #expect(try stage.ask("GET", "/v2/nowhere/referrers/\(sha256([2]))").json?["manifests"] == [])
        #expect(try stage.ask("GET", "/v2/a/b/referrers/x").status == 400)
    }

    @Test(arguments: Engine.allCases) func `is listed by its type, an image's being its config's`(_ engine: Engine)
        throws
    {
        let stage = try self.stage(engine)
        let subject = sha256([1])
        for type in ["a/one", "a/two"] { try stage.put(refer(to: subject, type), as: type.replacing("/", with: "-")) }
        let plain = image(config: config, #","subject":\#(descriptor([1], size: 5))"#)
        try stage.put(plain, as: "plain")
        #expect(try list(subject, of: stage).1.count == 3)
        let (reply, all) = try list(subject, "?artifactType=a%2Ftwo", of: stage)
        #expect(
            all.count == 1 && all.first?["artifactType"] == "a/two" && reply["oci-filters-applied"] == "artifactType")
        #expect(try list(subject, "?artifactType=application/octet-stream", of: stage).1.count == 1)
        #expect(try list(subject, "?artifactType=none", of: stage).1.isEmpty)
    }

    @Test(arguments: Engine.allCases) func `comes in pages`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let subject = sha256([1])
        for number in 0..<130 {
            let text = refer(to: subject, "a/one", "\(number)")
            try stage.put(text, as: "\(sha256(Array(text.utf8)))")
        }
        var address: String? = "/v2/a/b/referrers/\(subject)?artifactType=a/one"
        var seen: [String] = []
        var pages = 0
        while let next = address, pages < 9 {
            let reply = try stage.ask("GET", next)
            seen += reply.json?["manifests"]?.array?.compactMap { $0["digest"]?.string } ?? []
            address = reply["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
            pages += 1
        }
        #expect(pages == 2 && seen.count == 130 && Set(seen).count == 130)
    }

    @Test func `goes with the manifest, and is found again when the list was lost`() throws {
        let stage = try self.stage(.files)
        let subject = sha256([1])
        let (one, two) = (refer(to: subject, "a/one"), refer(to: subject, "a/two"))
        for text in [one, two] { try stage.put(text, as: "\(sha256(Array(text.utf8)))") }
        try FileManager.default.removeItem(atPath: stage.scratch["store/registry/repositories/a+b/referrers"])
        #expect(try list(subject, of: stage).1.count == 2)
        try stage.ask("DELETE", "/v2/a/b/manifests/\(sha256(Array(one.utf8)))")
        #expect(try list(subject, of: stage).1.map { $0["artifactType"] } == ["a/two"])
    }
}

@Suite struct `A listing` {
    private let config = Array("{}".utf8)

    private func stage(_ engine: Engine) throws -> Stage {
        let stage = try Stage(engine)
        for repository in ["a/b", "a", "z"] {
            try stage.push(config, to: repository)
            for tag in ["v2", "V1", "latest", "v10"] { try stage.put(image(config: config), as: tag, in: repository) }
        }
        return stage
    }

    private func pages(_ first: String, _ key: String, of stage: Stage) throws -> [[String]] {
        var address: String? = first
        var pages: [[String]] = []
        while let next = address, pages.count < 9 {
            let reply = try stage.ask("GET", next)
            pages.append(reply.json?[key]?.array?.compactMap(\.string) ?? [])
            address = reply["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
            if let link = reply["link"] { #expect(link.hasSuffix(#">; rel="next""#)) }
        }
        return pages
    }

    @Test(arguments: Engine.allCases) func `of tags is sorted, and comes in pages`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        let all = try stage.ask("GET", "/v2/a/b/tags/list")
        #expect(all.json == ["name": "a/b", "tags": ["V1", "latest", "v10", "v2"]])
        #expect(try pages("/v2/a/b/tags/list?n=3", "tags", of: stage) == [["V1", "latest", "v10"], ["v2"]])
        #expect(try pages("/v2/a/b/tags/list?n=2", "tags", of: stage) == [["V1", "latest"], ["v10", "v2"]])
        #expect(try pages("/v2/a/b/tags/list?last=latest", "tags", of: stage) == [["v10", "v2"]])
        #expect(try pages("/v2/a/b/tags/list?n=1&last=m", "tags", of: stage) == [["v10"], ["v2"]])
        #expect(try pages("/v2/a/b/tags/list?n=0", "tags", of: stage) == [[]])
        #expect(try stage.ask("GET", "/v2/a/b/tags/list?n=x").status == 400)
        let none = try stage.ask("GET", "/v2/nowhere/tags/list")
        #expect(none.status == 404 && none.code == "NAME_UNKNOWN")
    }

    @Test(arguments: Engine.allCases) func `of repositories is sorted, and comes in pages`(_ engine: Engine) throws {
        let stage = try self.stage(engine)
        try stage.push([1], to: "only-a-blob")
        #expect(try pages("/v2/_catalog", "repositories", of: stage) == [["a", "a/b", "z"]])
        #expect(try pages("/v2/_catalog?n=2", "repositories", of: stage) == [["a", "a/b"], ["z"]])
    }
}
