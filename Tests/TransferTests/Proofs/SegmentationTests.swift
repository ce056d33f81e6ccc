import Model
import Platform
import Support
import Testing

@testable import Transfer

@Suite struct `A file cut into layers` {
    static func cut(_ bytes: [UInt8], _ name: String, isLenient: Bool = false) throws -> Segmentation {
        let scratch = try Scratch()
        try ModelMaker.write(["file": bytes], to: scratch.path)
        return try Segmentation(
            of: File(scratch["file"], .read), path: FilePath(name), size: UInt64(bytes.count), isLenient: isLenient)
    }

    static func expectWhole(_ segmentation: Segmentation, _ size: Int) {
        var end: UInt64 = 0
        for cut in segmentation.cuts {
            #expect(cut.start == end)
            end += cut.count
        }
        #expect(end == UInt64(size))
    }

    @Test func `has its header, then its tensors in the order of their bytes`() throws {
        let bytes = try ModelMaker.safetensors([.init("z", bytes: 10, seed: 1), .init("a", bytes: 6, seed: 2)])
        let cuts = try Self.cut(bytes, "deep/Model.SafeTensors")
        #expect(cuts.cuts.map { $0.tensor?.name.string } == [nil, "z", "a"])
        Self.expectWhole(cuts, bytes.count)
    }

    @Test(arguments: [0, 1, 16 << 20, (16 << 20) + 1, 40 << 20]) func `without tensors has even pieces`(size: Int)
        throws
    {
        let cuts = try Self.cut([UInt8](repeating: 1, count: size), "pytorch_model.bin")
        #expect(cuts.cuts.count == (size + (16 << 20) - 1) >> 24)
        Self.expectWhole(cuts, size)
        #expect(cuts.complaint == nil)
    }

    @Test func `that only claims to be safetensors is refused, or kept as bytes`() throws {
        let good = try ModelMaker.safetensors([.init("a", bytes: 6, seed: 2)])
        let bad: [[UInt8]] = [
            [], [1, 2, 3], Array(good.dropLast()), good + [0], [255, 255, 255, 255, 255, 255, 255, 127],
            [2, 0, 0, 0, 0, 0, 0, 0] + Array("[]".utf8), [2, 0, 0, 0, 0, 0, 0, 0] + Array("{\"".utf8),
            Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n".utf8),
        ]
        for bytes in bad {
            let failure = #expect(throws: CakeError.self) { try Self.cut(bytes, "dir/model.safetensors") }
            #expect(failure?.kind == .damaged && failure?.what.contains("dir/model.safetensors") == true)
            #expect(failure?.fix?.contains("--lenient") == true)
            let kept = try Self.cut(bytes, "dir/model.safetensors", isLenient: true)
            #expect(kept.complaint?.what.contains("dir/model.safetensors") == true)
            #expect(kept.cuts.allSatisfy { $0.tensor == nil })
            Self.expectWhole(kept, bytes.count)
        }
    }
}
