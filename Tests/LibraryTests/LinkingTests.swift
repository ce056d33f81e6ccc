import Foundation
import Model
import Platform
import Support
import Testing

@Suite struct `The C library, to a program in C` {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Library")
        .standardizedFileURL

    /// A store with one model, and programs that are compiled beside it.
    private struct Bench {
        let scratch: Scratch
        let files: ModelMaker.Files

        init() async throws {
            scratch = try Scratch(in: FileManager.default.temporaryDirectory.path)
            files = try ModelMaker.small()
            try await Shelf(at: scratch["store"]).bring(ModelMaker.write(files, to: scratch["m"]), as: "org/m")
            try Bend.link(scratch["libcake.so"], to: Shared.path)
        }

        /// Compiles a program against cake.h, with all warnings.
        func compile(_ source: URL, _ words: [String]) throws -> URL {
            let program = URL(filePath: scratch["program"])
            let all = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I", sources.appending(path: "include").path]
            let result = try Tool.run("cc", all + [source.path, "-o", program.path] + words)
            #expect(result.status == 0, "\(result.errors)")
            return program
        }

        func probe() throws -> URL {
            let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "probe.c")
            return try compile(source, ["-ldl"])
        }

        func example() throws -> URL {
            let folder = scratch.path
            return try compile(
                sources.appending(path: "example.c"), ["-L", folder, "-lcake", "-lcrypto", "-Wl,-rpath,\(folder)"])
        }

        func words(_ verb: String) -> [String] {
            let file = "model.safetensors"
            return [verb, Shared.path, scratch["store"], "org/m", file, "\((files[file] ?? []).count)"]
        }
    }

    @Test func `exports the names of cake.h and no others`() async throws {
        let header = try String(contentsOf: Self.sources.appending(path: "include/cake.h"), encoding: .utf8)
        let declared = Set(header.matches(of: /(cake_[a-z_]+)\(/).map { String($0.1) })
        let listed = try Tool.run("nm", ["-D", "--defined-only", Shared.path])
        let exported = listed.output.split(separator: "\n").compactMap {
            $0.split(separator: " ").last.map(String.init)
        }
        #expect(declared.count == 12 && Set(exported) == declared, "\(exported)")
    }

    @Test func `needs no library of Swift's`() throws {
        let needed = try Tool.run("readelf", ["-d", Shared.path]).output
        #expect(
            needed.contains("libcake.so]") && !needed.contains("libswift") && needed.contains("NODELETE"), "\(needed)")
    }

    @Test func `changes no signal handler`() async throws {
        try await onPool {
            let bench = try await Bench()
            let result = try Tool.run(bench.probe(), bench.words("signals"))
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    @Test func `works in children before and after their parent opened a model`() async throws {
        try await onPool {
            let bench = try await Bench()
            let shelf = try Shelf(at: bench.scratch["store"])
            let (output, errors) = (URL(filePath: bench.scratch["said"]), URL(filePath: bench.scratch["errors"]))
            try Data().write(to: output)
            let input = Pipe()
            let child = try Child(
                bench.probe(), bench.words("forks"),
                input: .descriptor(input.fileHandleForReading.fileDescriptor), output: .file(output),
                errors: .file(errors))
            do {
                try child.waits(until: "its children ended") { try !Data(contentsOf: output).isEmpty }
            } catch {
                Issue.record("\((try? String(contentsOf: errors, encoding: .utf8)) ?? "")")
                throw error
            }
            // The children closed what they had of their parent: its lease is still there.
            try shelf.remove("org/m")
            try shelf.collect(isForced: true)
            try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
            let ending = try child.end()
            #expect(ending == .exit(0), "\((try? String(contentsOf: errors, encoding: .utf8)) ?? "")")
            // It ended without closing: nothing holds the model any more.
            try shelf.collect(isForced: true)
            #expect(try shelf.entries("packs").isEmpty && shelf.entries("manifests").isEmpty)
        }
    }

    @Test func `is used as the example shows, with the store of CAKE_HOME and those of CAKE_LOWER`() async throws {
        try await onPool {
            let bench = try await Bench()
            let example = try bench.example()
            let store = bench.scratch["store"]
            let tied = ModelMaker.Part("tied", bytes: 3000, seed: 2)
            let digest = SHA256.digest(of: tied.bytes.span)
            let wanted = [
                "model.embed.weight BF16 1052672", "lm_head.weight BF16 3000", "model.norm.weight BF16 512",
                "tied BF16 3000", "empty F32 0", "sha256 \(digest.hex)",
            ]
            for (words, variables) in [
                ([store], [:]), ([""], ["CAKE_HOME": store]),
                ([""], ["CAKE_HOME": bench.scratch["none"], "CAKE_LOWER": store]),
            ] as [([String], [String: String])] {
                let result = try Tool.run(example, words + ["org/m", "tied"], variables: variables)
                #expect(result.status == 0 && result.output == wanted.joined(separator: "\n") + "\n", "\(result)")
            }
            let missing = try Tool.run(example, ["", "org/m", "tied"], variables: ["CAKE_HOME": bench.scratch["none"]])
            #expect(missing.status == 1 && missing.errors.contains("fix: "), "\(missing.errors)")
            #expect(!FileManager.default.fileExists(atPath: bench.scratch["none"]))
        }
    }
}
