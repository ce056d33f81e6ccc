import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// A base of tensors of a megabyte, and models made from it.
private struct Family {
    static let tensor = 1 << 20
    static let count = 12

    private static let base = (0..<count).map { number in
        ModelMaker.Part("model.layers.\(number).weight", bytes: tensor, seed: UInt64(number), .mixed)
    }

    static func parts(_ change: (Int, inout [UInt8]) -> Void = { _, _ in }) -> [ModelMaker.Part] {
        base.enumerated().map { number, part in
            var bytes = part.bytes
            change(number, &bytes)
            return ModelMaker.Part(part.tensor, bytes)
        }
    }

    static func model(_ change: (Int, inout [UInt8]) -> Void = { _, _ in }) throws -> ModelMaker.Files {
        ["model.safetensors": try ModelMaker.safetensors(parts(change))]
    }

    static func renamed(_ parts: [ModelMaker.Part], _ name: (Int) -> String) -> [ModelMaker.Part] {
        parts.enumerated().map { number, part in
            ModelMaker.Part(
                Tensor(name: ExactText(name(number)), dtype: part.tensor.dtype, shape: part.tensor.shape), part.bytes)
        }
    }
}

@Suite struct `A pull beside a model that is alike` {
    /// Pulls the base, then the other; returns the report of the other, and how many bytes of large files were sent.
    private func pull(
        _ files: ModelMaker.Files, with options: Pull.Options = Pull.Options(),
        before: (PullLine) throws -> Void = { _ in }
    ) async throws -> (line: PullLine, report: Pull.Report, sent: UInt64) {
        let line = try PullLine(try Family.model())
        try await line.pull()
        try line.folder.write("org/tuned", files)
        try before(line)
        line.hub.forgetRequests()
        let report = try await line.pull("org/tuned", with: options)
        try await line.expectExact("org/tuned", files)
        try await line.expectExact()
        #expect(try await onPool { try await line.shelf.damages() }.isEmpty)
        return (line, report, line.sent)
    }

    private static let slack: UInt64 = 600 << 10

    @Test func `moves the tensors that changed, a header and some samples`() async throws {
        let files = try Family.model { number, bytes in if number == 3 || number == 4 { bytes = bytes.map { $0 ^ 1 } } }
        let (line, report, sent) = try await pull(files)
        #expect(sent < UInt64(2 * Family.tensor) + Self.slack)
        #expect(report.bytesSaved[.samples] == UInt64((Family.count - 2) * Family.tensor))
        #expect(report.bytesFetched == sent)
        // The manifest says what the files are, and the name how they were proved.
        let record = try #require(try line.shelf.store.record(of: ModelName("org/tuned")))
        #expect(record.proved == ["samples": UInt64((Family.count - 2) * Family.tensor)])
        let weights = try #require(files["model.safetensors"])
        let digest = SHA256.digest(of: weights.span).hex
        #expect(record.etags == [try FilePath("model.safetensors"): digest])
    }

    @Test func `finds them under other names, in other shards and in another order`() async throws {
        let parts = Family.parts()
        let renamings: [[ModelMaker.Part]] = [
            Family.renamed(parts) { "language_model.model.layers.\($0).weight" },
            Family.renamed(parts) { "h_\($0)_w" },
            parts.reversed(),
        ]
        for renamed in renamings {
            let files = [
                "a.safetensors": try ModelMaker.safetensors(Array(renamed[..<7])),
                "b.safetensors": try ModelMaker.safetensors(Array(renamed[7...])),
            ]
            let (_, report, sent) = try await pull(files)
            #expect(sent < 2 * Self.slack)
            #expect(report.bytesSaved[.samples] == UInt64(Family.count * Family.tensor))
        }
    }

    @Test func `stops asking soon when everything differs`() async throws {
        let files = try Family.model { _, bytes in bytes = bytes.map { $0 &+ 1 } }
        let size = UInt64(files["model.safetensors"]!.count)
        let (line, report, sent) = try await pull(files)
        #expect(sent <= size + UInt64(Sampling.firstDraws) * Sampling.longest)
        #expect(report.bytesSaved[.samples] == nil)
        #expect(line.hub.count(.cdn()) < Sampling.firstDraws + 12)
    }

    @Test func `is exact when rows were added and tied weights are apart`() async throws {
        var parts = Family.parts()
        let last = parts[11]
        let rows = Tensor(name: last.tensor.name, dtype: .bf16, shape: [last.tensor.shape[0] + 1024])
        parts[11] = ModelMaker.Part(rows, last.bytes + seededBytes(2048, seed: 99))
        let apart = Tensor(name: "lm_head.weight", dtype: .bf16, shape: parts[0].tensor.shape)
        parts.append(ModelMaker.Part(apart, parts[0].bytes))
        let (_, report, sent) = try await pull(["model.safetensors": try ModelMaker.safetensors(parts)])
        #expect(report.bytesSaved[.samples] == UInt64((Family.count - 1) * Family.tensor))
        #expect(sent < UInt64(2 * Family.tensor) + 2 * Self.slack)
    }

    @Test func `believes no sample against the file's hash`() async throws {
        // One byte in the middle of each tensor: next to no sample sees it.
        let files = try Family.model { _, bytes in bytes[bytes.count / 2] ^= 0x40 }
        let size = UInt64(files["model.safetensors"]!.count)
        let (_, report, sent) = try await pull(files)
        #expect(report.bytesSaved[.samples, default: 0] == 0)
        #expect(sent < size + size / 20 + Self.slack)
    }

    @Test func `keeps what was right when some of it was wrong`() async throws {
        let files = try Family.model { number, bytes in
            // Samples are short: half of these show what changed, and all of them do once they are many.
            if number == 5 {
                for place in stride(from: 0, to: bytes.count, by: 2) where place / 8192 % 8 == 0 { bytes[place] ^= 1 }
            }
        }
        for _ in 0..<3 { _ = try await pull(files) }
    }

    @Test func `fetches what is damaged here, and blames nobody for it`() async throws {
        let files = try Family.model { number, bytes in if number == 3 { bytes = bytes.map { $0 ^ 1 } } }
        let (line, _, _) = try await pull(files) { line in
            let layers = try line.shelf.layers(of: PullLine.name).filter { $0.size == UInt64(Family.tensor) }
            try Bend.flip(line.shelf.object(layers[7].digest), at: 200_000)
            try Bend.remove(line.shelf.object(layers[9].digest))
        }
        #expect(try line.shelf.entries("damaged").count == 1)
    }

    @Test func `fails as damaged when the published hash is itself wrong, and keeps nothing`() async throws {
        let line = try PullLine(try Family.model())
        try await line.pull()
        let files = try Family.model { number, bytes in if number == 3 { bytes = bytes.map { $0 ^ 1 } } }
        try line.folder.write("org/tuned", files)
        line.hub.misbehave(.flip(atByte: UInt64(3 * Family.tensor + 500_000)), when: .cdn())
        do {
            try await line.pull("org/tuned")
            Issue.record("a file that is not as published was taken")
        } catch let error as CakeError {
            #expect(error.kind == .damaged && error.what.contains("does not match the hash"))
        }
        #expect(try line.shelf.names() == [PullLine.name])
        line.hub.behave()
        try await line.pull("org/tuned")
        try await line.expectExact("org/tuned", files)
    }

    @Test func `asks for no sample when told not to`() async throws {
        let files = try Family.model { number, bytes in if number == 3 { bytes = bytes.map { $0 ^ 1 } } }
        var options = Pull.Options()
        options.probing = nil
        let (_, report, sent) = try await pull(files, with: options)
        #expect(sent == UInt64(files["model.safetensors"]!.count) && report.bytesSaved[.samples] == nil)
    }

    @Test func `moves of a file that is known only the layers that are lost`() async throws {
        let line = try PullLine(try Family.model())
        try await line.pull()
        let layers = try line.shelf.layers(of: PullLine.name).filter { $0.size == UInt64(Family.tensor) }
        try Bend.remove(line.shelf.object(layers[7].digest))
        line.hub.forgetRequests()
        let report = try await line.pull()
        try await line.expectExact()
        #expect(line.sent == UInt64(Family.tensor) && report.bytesFetched == line.sent)
        #expect(report.bytesSaved[.knownFile] == report.bytes - UInt64(Family.tensor))
    }
}
