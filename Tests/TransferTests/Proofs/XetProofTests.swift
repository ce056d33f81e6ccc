import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// A base of tensors of random bytes, with borders of chunks as in weights, on a hub with Xet.
@Suite struct `A pull from a hub with Xet` {
    private static let size = 700_000
    private static let count = 10

    private static func model(_ change: (Int, inout [UInt8]) -> Void = { _, _ in }) throws -> ModelMaker.Files {
        let parts = (0..<count).map { number in
            var bytes = seededBytes(size, seed: UInt64(number) + 50)
            change(number, &bytes)
            return ModelMaker.Part(
                Tensor(name: ExactText("layers.\(number).weight"), dtype: .bf16, shape: [UInt64(size / 2)]), bytes)
        }
        return ["model.safetensors": try ModelMaker.safetensors(parts)]
    }

    private static func line(_ change: (inout HubSettings) -> Void = { _ in }) throws -> PullLine {
        try PullLine(try model()) { settings in
            settings.xet = true
            change(&settings)
        }
    }

    private static var unprobed: Pull.Options {
        var options = Pull.Options()
        options.probing = nil
        return options
    }

    private static let tuned = try? model { number, bytes in if number == 4 { bytes = bytes.map { $0 ^ 1 } } }

    /// Pulls the tune beside the base. Returns the report and the bytes of large files that were sent.
    private func pullTuned(_ line: PullLine, with options: Pull.Options = unprobed) async throws -> (
        Pull.Report, UInt64
    ) {
        let files = try #require(Self.tuned)
        try line.folder.write("org/tuned", files)
        line.hub.forgetRequests()
        let report = try await line.pull("org/tuned", with: options)
        try await line.expectExact("org/tuned", files)
        return (report, line.sent)
    }

    private static var others: UInt64 { UInt64((count - 1) * size) }

    @Test func `moves what is in other chunks, and no sample`() async throws {
        let line = try Self.line()
        try await line.pull()
        #expect(try line.shelf.entries("coordinates").count == 1)
        let (report, sent) = try await pullTuned(line)
        #expect(report.bytesSaved[.coordinates] == Self.others)
        #expect(sent < UInt64(Self.size) + 256 << 10 + 4 * UInt64(XetChunk.maximumSize))
        #expect(try line.shelf.entries("coordinates").count == 2)
    }

    @Test func `asks where chunks begin when they lie in the middle of a longer term`() async throws {
        let line = try Self.line()
        try await line.pull()
        let files = try Self.model { number, bytes in if number == 2 || number == 7 { bytes = bytes.map { $0 ^ 1 } } }
        try line.folder.write("org/twice", files)
        line.hub.forgetRequests()
        let report = try await line.pull("org/twice", with: Self.unprobed)
        try await line.expectExact("org/twice", files)
        #expect(report.bytesSaved[.coordinates] == UInt64((Self.count - 2) * Self.size))
        #expect(line.hub.count(.reconstruction()) < 8)
    }

    @Test func `asks for what it was not told when the base came, also of one that was imported`() async throws {
        let line = try Self.line()
        let folder = try ModelMaker.write(try Self.model(), to: line.scratch["base"])
        _ = try await onPool { try await line.shelf.bring(folder, as: "mine") }
        var files = try #require(Self.tuned)
        files["README.md"] = Array("---\nbase_model: org/model\n---\n".utf8)
        try line.folder.write("org/tuned", files)
        let report = try await line.pull("org/tuned", with: Self.unprobed)
        try await line.expectExact("org/tuned", files)
        #expect(report.bytesSaved[.coordinates] == Self.others)
    }

    @Test func `does without when the hub's Xet has trouble, and leaves it to samples when chunks are others`()
        async throws
    {
        let line = try Self.line()
        try await line.pull()
        line.hub.misbehave(.answer(403), when: .reconstruction())
        let (report, _) = try await pullTuned(line)
        #expect(report.bytesSaved[.coordinates] == nil)

        let apart = try Self.line()
        try await apart.pull()
        try apart.folder.write("org/tuned", try #require(Self.tuned))
        try apart.folder.set("org/tuned", xet: JSONValue("apart"))
        let again = try await apart.pull("org/tuned")
        #expect(again.bytesSaved[.coordinates] == nil)
        #expect(again.bytesSaved[.samples] == Self.others)
    }

    @Test func `believes no coordinates against the file's hash`() async throws {
        let line = try Self.line()
        try await line.pull()
        // The tune is said to be in the base's chunks throughout.
        let base = line.folder.path + "/org/model/model.safetensors"
        line.hub.misbehave(.serve(path: base), when: .reconstruction())
        for options in [Self.unprobed, Pull.Options()] {
            let (report, _) = try await pullTuned(line, with: options)
            #expect(report.bytesSaved[.coordinates, default: 0] == 0)
            try line.shelf.remove("org/tuned")
            try line.shelf.collect()
        }
    }

    @Test func `takes terms that claim too much for none`() async throws {
        let line = try Self.line()
        try await line.pull()
        line.hub.misbehave(.claimMore(bytes: 5000), when: .reconstruction())
        let (report, _) = try await pullTuned(line)
        #expect(report.bytesSaved[.coordinates] == nil)
    }

    @Test(arguments: [true, false]) func `is told what a comparison can know without fetching`(isAsked: Bool)
        async throws
    {
        let line = try Self.line()
        try line.folder.write("org/tuned", try #require(Self.tuned))
        line.hub.forgetRequests()
        let kinds = try await onPool {
            let source = try line.source()
            var samplers: [TensorSampler] = []
            var outlines: [Outline] = []
            for name in [PullLine.name, "org/tuned"] {
                let reference = try HubReference(HubRepository(name), revision: nil)
                let model = try await RemoteModel(reference, from: source, store: nil, on: testPool)
                outlines.append(model.outline)
                samplers.append(TensorSampler(model, from: source, store: nil, usingXet: isAsked))
            }
            let difference = Difference(from: outlines[0], to: outlines[1])
            let resemblance = Resemblance(samplers[0], samplers[1], on: testPool, progress: Progress("compare"))
            return try await resemblance(difference.tensors)
        }
        var expected = [Difference.Kind?](repeating: isAsked ? .same : .alike, count: Self.count)
        expected[4] = .changed
        // The neighbours of what changed share chunks with it: samples have to tell.
        for number in [3, 5] { expected[number] = .alike }
        #expect(kinds == expected)
        #expect(line.sent < 2 << 20)
    }
}
