import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

/// A server's handling of a model whose index and packs do not match.
@Suite struct `A model that cannot be rebuilt` {
    private static func files(_ seed: UInt64) throws -> ModelMaker.Files {
        // One tensor is similar to another: there is a delta among them.
        var tuned = seededBytes(1 << 20, seed: 1, .mixed)
        for index in stride(from: 0, to: tuned.count, by: 4096) { tuned[index] ^= UInt8(seed) }
        let parts = [
            ModelMaker.Part(Tensor(name: "large", dtype: .bf16, shape: [1 << 19]), tuned),
            ModelMaker.Part("one", bytes: 3000, seed: 5), ModelMaker.Part("two", bytes: 3000, seed: 6),
        ]
        return ["model.safetensors": try ModelMaker.safetensors(parts), "config.json": Array("{}".utf8)]
    }

    enum Lie: CaseIterable, CustomTestStringConvertible {
        case none, notAnIndex, otherText, lacksLayer, lacksBase, otherPlace, otherLength, otherTransform, otherBase
        case noBase, otherPacks, otherLayer
        var testDescription: String { "\(self)" }
    }

    private func artifact(in stage: Stage) async throws -> (RegistryManifest, PackIndex) {
        let maker = try Maker(in: stage.scratch)
        try await maker.push(Self.files(0), to: "a/b", "base", of: stage)
        try await maker.push(Self.files(1), to: "a/b", "tune", of: stage)
        let bytes = try stage.ask("GET", "/v2/a/b/manifests/tune").body
        let manifest = try RegistryManifest(parsing: bytes.span)
        let index = try stage.ask("GET", "/v2/a/b/blobs/\(try ModelArtifact(manifest).index.name)").body
        return (manifest, try PackIndex(decoding: index.span))
    }

    @Test(arguments: [.files, .memory] as [Engine], Lie.allCases)
    func `is refused with words, and a right one is taken`(_ engine: Engine, _ lie: Lie) async throws {
        let stage = try Stage(engine)
        let (manifest, index) = try await artifact(in: stage)
        let artifact = try ModelArtifact(manifest)
        let delta = try #require(index.members.first { $0.base != nil })
        let base = try #require(delta.base)
        let small = index.members.filter { $0.layer.size == 3000 }
        try #require(small.count == 2 && small[0].pack == small[1].pack)
        var (members, packs) = (index.members, index.packs)
        var text = artifact.manifest
        func change(_ old: PackIndex.Member, _ edit: (inout Changed) -> Void) throws {
            var changed = Changed(old)
            edit(&changed)
            members[try #require(members.firstIndex(of: old))] = changed.member
        }
        switch lie {
        case .none, .notAnIndex: break
        case .otherText:
            text = Descriptor(
                mediaType: ModelArtifact.manifestType, name: try stage.push(Array("no manifest".utf8)), size: 11)
        case .lacksLayer: members.removeAll { $0.layer == small[0].layer }
        case .lacksBase: members.removeAll { $0.layer.digest == base }
        case .otherPlace:
            try change(small[0]) {
                $0.offset = small[1].offset; $0.length = small[1].length
            }
            members.removeAll { $0.layer == small[1].layer }
        case .otherLength: try change(small[0]) { $0.length = 40 }
        case .otherTransform: try change(small[0]) { $0.transform ^= 1 }
        case .otherBase:
            let other = Layer(digest: Digest(words: (1, 2, 3, 4)), size: delta.layer.size)
            let bytes = [UInt8](repeating: 1, count: 10)
            packs.append(PackIndex.Pack(digest: try #require(stage.push(bytes).sha256), size: 10))
            members.append(
                PackIndex.Member(
                    layer: other, stored: .empty, length: 10, offset: 0, pack: packs.count - 1, transform: 0))
            try change(delta) { $0.base = other.digest }
        case .noBase: try change(delta) { $0.base = nil }
        case .otherPacks: packs.append(PackIndex.Pack(digest: try #require(stage.push([1, 2, 3]).sha256), size: 3))
        case .otherLayer:
            // The objects of two layers of one length change places.
            try change(small[0]) {
                $0.offset = small[1].offset; $0.length = small[1].length
            }
            try change(small[1]) {
                $0.offset = small[0].offset; $0.length = small[0].length
            }
        }
        var encoded = Array("no index".utf8)
        if lie != .notAnIndex {
            encoded =
                lie == .lacksBase || lie == .otherPacks
                ? Encoded.index(lie == .otherPacks ? index.packs : packs, members)
                : try PackIndex(packs: packs, members: members).encoded
        }
        let name = try #require(stage.push(encoded).sha256)
        let wrong = ModelArtifact(
            config: (try #require(artifact.config.name.sha256), artifact.config.size),
            manifest: (try #require(text.name.sha256), text.size), index: (name, UInt64(encoded.count)), packs: packs)
        let reply = try stage.put(String(decoding: wrong.encoded, as: UTF8.self), as: "new")
        guard lie != .none else {
            #expect(reply.status == 201, "\(reply.text)")
            return
        }
        #expect(reply.status == 400 && reply.code == "MANIFEST_INVALID", "\(lie): \(reply.status) \(reply.text)")
        #expect(reply.text.contains("cannot be rebuilt"), "\(reply.text)")
        #expect(try stage.ask("GET", "/v2/a/b/manifests/new").status == 404)
    }

    private struct Changed {
        private let old: PackIndex.Member
        var offset: UInt64
        var length: UInt64
        var transform: UInt8
        var base: Digest?

        init(_ old: PackIndex.Member) {
            self.old = old
            (offset, length, transform, base) = (old.offset, old.length, old.transform, old.base)
        }

        var member: PackIndex.Member {
            PackIndex.Member(
                layer: old.layer, stored: old.stored, length: length, offset: offset, pack: old.pack,
                transform: transform, base: base)
        }
    }

    /// An index that `PackIndex` would not make.
    private enum Encoded {
        static func index(_ packs: [PackIndex.Pack], _ members: [PackIndex.Member]) -> [UInt8] {
            func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
                (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            }
            var all =
                Array("cakeidx1".utf8) + bytes(UInt32(packs.count)) + bytes(UInt32(0)) + bytes(UInt64(members.count))
            for pack in packs { all += pack.digest.bytes + bytes(pack.size) }
            for member in members {
                all += member.layer.digest.bytes + member.stored.bytes
                all +=
                    bytes(member.layer.size) + bytes(member.length) + bytes(member.offset) + bytes(UInt32(member.pack))
                all += [member.transform, member.base == nil ? 0 : 1, 0, 0]
                all += member.base?.bytes ?? [UInt8](repeating: 0, count: 32)
            }
            return all
        }
    }
}
