import Foundation
import Support
import Testing

@testable import cake

/// Models in the store that new ones may be stored as deltas of, where some of them cannot be read.
@Suite struct `A tune beside models that cannot be read` {
    enum State: CaseIterable {
        case healthy, damaged, noFile, gone, strayName

        var isTold: Bool { self != .healthy && self != .gone }
    }

    @Test(arguments: State.allCases) func `is a delta of the others, and what was passed over is told`(_ state: State)
        throws
    {
        let home = try Home()
        func entries(_ folder: String) throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: home.store.appending(path: folder).path))
        }
        let base = try home.makeModel("base", tensors: 1, of: 1 << 19)
        let other = try home.makeModel("other", seed: 9, tensors: 1, of: 1 << 19)
        #expect(try home.cake("import", base.path, "base").status == 0)
        let before = try entries("manifests")
        #expect(try home.cake("import", "--no-delta", other.path, "other").status == 0)
        let added = try #require(try entries("manifests").subtracting(before).first)
        let manifest = home.store.appending(path: "manifests/\(added)")
        let stray = home.store.appending(path: "names/%zz")
        switch state {
        case .healthy: break
        case .damaged:
            var bytes = try Data(contentsOf: manifest)
            bytes[bytes.count / 2] ^= 1
            try FileManager.default.removeItem(at: manifest)
            try bytes.write(to: manifest)
        case .noFile:
            try FileManager.default.removeItem(at: manifest)
            try FileManager.default.createDirectory(at: manifest, withIntermediateDirectories: false)
        case .gone: try FileManager.default.removeItem(at: manifest)
        case .strayName: try Data().write(to: stray)
        }
        let tune = home.path("tune")
        try FileManager.default.copyItem(at: base, to: tune)
        let file = tune.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        for place in stride(from: 4096, to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        let words = try home.cake("import", tune.path, "tune")
        #expect(words.status == 0, "\(words.errors)")
        #expect(words.errors.contains("deltas may be missing") == state.isTold, "\(words.errors)")
        if state == .damaged {
            #expect(words.errors.contains("manifest \(added.prefix(12)) is damaged"))
            let again = try home.cake("optimize", "tune")
            #expect(again.status == 0 && again.errors.contains("deltas may be missing"), "\(again.errors)")
        }
        // Large layers are files of their own: base, other, and a tune that is small where it is a delta.
        let sizes = try home.objects().filter { $0.path.contains("/objects/") }.map {
            try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
        }
        let large = sizes.filter { $0 > 500_000 }
        #expect(large.count == (state == .strayName ? 3 : 2), "\(sizes)")
    }
}
