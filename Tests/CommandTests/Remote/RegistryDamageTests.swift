import Foundation
import Model
import Support
import Testing

@testable import cake

/// `cake verify`, `df` and `gc` on a store whose registry is damaged.
@Suite struct `A damaged registry` {
    enum Kind: String, CaseIterable { case blob, manifest, tag }

    /// A registry to which a model was pushed, without its server.
    private static func registry() throws -> Home {
        let home = try Home()
        let maker = try Home()
        try maker.cake("import", maker.makeModel("model", tensors: 2, of: 1 << 19).path, "m")
        let served = try Served(home, "--push")
        let pushed = try maker.cake("push", "m", "127.0.0.1:\(served.port)/team/m:v1")
        #expect(pushed.status == 0, "\(pushed.errors)")
        try served.end()
        return home
    }

    private static func files(_ folder: URL) throws -> [URL] {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        var found: [URL] = []
        while let file = files?.nextObject() as? URL {
            if try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true { found.append(file) }
        }
        return found
    }

    /// Changes a byte, and returns the registry's name of the file.
    private static func damage(_ kind: Kind, _ home: Home) throws -> String {
        let registry = home.store.appending(path: "registry")
        let repository = registry.appending(path: "repositories/team+m")
        let file: URL
        switch kind {
        case .blob:
            file = try #require(
                try files(registry.appending(path: "blobs")).max {
                    try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
                        < $1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
                })
        case .manifest: file = try #require(try files(repository.appending(path: "manifests")).first)
        case .tag: file = repository.appending(path: "tags/v1")
        }
        var bytes = try Data(contentsOf: file)
        // No digest has a byte of zero.
        if kind == .tag { bytes[bytes.count / 2] = 0 } else { bytes[bytes.count / 2] ^= 1 }
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
        return kind == .tag ? "team/m:v1" : String(file.lastPathComponent.suffix(64))
    }

    private func document(_ tool: Tool) throws -> JSONValue { try JSONValue(parsing: Array(tool.output.utf8).span) }

    @Test func `is told from one that is intact`() throws {
        let home = try Self.registry()
        let words = try home.cake("verify")
        #expect(words.status == 0 && words.output.contains("registry: "), "\(words.errors)")
        #expect(words.output.contains("1 manifest, ") && words.output.contains(": all are intact"), "\(words.output)")
        #expect(try home.cake("verify", "--quiet").output == "")
        let json = try home.cake("verify", "--json")
        let registry = try document(json)["registry"]
        #expect(json.status == 0 && registry?["damaged"]?.array?.isEmpty == true && registry?["manifests"] == 1)
        #expect((registry?["blobs"]?.unsigned ?? 0) > 2 && (registry?["bytes"]?.unsigned ?? 0) > 100_000)
        #expect(registry?["uploads"] == 0)
        #expect(try !home.cake("df").output.contains("damaged"))
        #expect(try !home.cake("gc").output.contains("damaged"))
    }

    @Test(arguments: Kind.allCases, [false, true])
    func `ends verify with 11 and says what, of which model, and the way out`(
        _ kind: Kind, isJSON: Bool
    ) throws {
        let home = try Self.registry()
        let name = try Self.damage(kind, home)
        let found = try home.cake(["verify"] + (isJSON ? ["--json"] : []))
        #expect(found.status == 11, "\(found.errors)")
        #expect(found.errors.contains("the \(kind.rawValue) ") && found.errors.contains("of the registry is damaged"))
        #expect(found.errors.contains("push team/m:v1 again"), "\(found.errors)")
        if isJSON {
            let damaged = try #require(try document(found)["registry"]?["damaged"]?.array)
            #expect(damaged.count == 1)
            let one = try #require(damaged.first)
            #expect(one["kind"]?.string == kind.rawValue && one["set_aside"] == true && one["mended"] == false)
            #expect(one["name"]?.string == (kind == .tag ? name : "sha256:\(name)"), "\(one)")
            #expect(one["needed_by"]?.array == [.string("team/m:v1")])
            #expect(one["why"]?.string?.isEmpty == false)
        } else {
            let short = kind == .tag ? name : String(name.prefix(12))
            let line = try #require(
                found.output.split(separator: "\n").first { $0.hasPrefix("\(kind.rawValue) \(short)  ") })
            #expect(line.hasSuffix("; set aside; needed by team/m:v1"), "\(line)")
            #expect(!found.output.contains("intact"))
        }
    }

    @Test func `is one with a tag whose manifest is gone, until the model is pushed again`() throws {
        let home = try Self.registry()
        let manifests = home.store.appending(path: "registry/repositories/team+m/manifests")
        for file in try Self.files(manifests) { try FileManager.default.removeItem(at: file) }
        let found = try home.cake("verify")
        #expect(found.status == 11)
        #expect(found.output.contains("tag team/m:v1  its manifest is missing; set aside; needed by team/m:v1"))
        #expect(found.errors.contains("push team/m:v1 again"), "\(found.errors)")
        let served = try Served(home, "--push")
        let maker = try Home()
        try maker.cake("import", maker.makeModel("model", tensors: 2, of: 1 << 19).path, "m")
        #expect(try maker.cake("push", "m", "127.0.0.1:\(served.port)/team/m:v1").status == 0)
        try served.end()
        #expect(try home.cake("verify").status == 0)
    }

    @Test func `takes room that df shows and gc says how to free`() throws {
        let home = try Self.registry()
        _ = try Self.damage(.blob, home)
        #expect(try home.cake("verify").status == 11)
        // In whole blocks of the disk.
        let bytes = try Self.files(home.store.appending(path: "registry/damaged")).reduce(0) {
            try $0 + (($1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) + 4095) / 4096 * 4096
        }
        #expect(bytes > 100_000)
        let size = Quantities.bytes(UInt64(bytes))
        let line = try home.cake("df").output.split(separator: "\n").first { $0.contains("registry damaged") }
        #expect(line?.contains(size) == true && line?.contains("registry/damaged") == true, "\(line ?? "no line")")
        #expect(try document(home.cake("df", "--json"))["bytes_registry_damaged"] == JSONValue(bytes))
        for words in [["gc"], ["gc", "--dry-run"], ["gc", "--grace", "0s"]] {
            let said = try home.cake(words).output
            #expect(said.contains("\(size) set aside as damaged: kept"), "\(said)")
            #expect(said.contains("folder registry/damaged"), "\(said)")
        }
        #expect(try document(home.cake("gc", "--json"))["kept_damaged_bytes"] == JSONValue(bytes))
        for file in try Self.files(home.store.appending(path: "registry/damaged")) {
            try FileManager.default.removeItem(at: file)
        }
        #expect(try !home.cake("df").output.contains("damaged"))
        #expect(try document(home.cake("gc", "--json"))["kept_damaged_bytes"] == 0)
    }
}
