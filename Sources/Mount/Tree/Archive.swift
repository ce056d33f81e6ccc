internal import Model
internal import Platform
internal import Store
internal import Synchronization
internal import Transfer

/// A model as a fast-load archive, byte for byte the one that `cake export --format fast` writes. All of it is known from the
/// manifest but the checksums of its members: they take reading every layer, once, when a header or the directory is
/// first read.
final class Archive: Sendable {
    private let digest: Digest
    private let manifest: Manifest
    private let store: LocalStore
    private let reader: LayerReader
    private let layout: ZipLayout
    private let frame = Mutex<Frame?>(nil)
    /// All layers are read for one program, and the others wait for it.
    private let framing: SharedWork<Digest, Frame>

    private struct Frame {
        let sums: [UInt32]
        let directory: [UInt8]
    }

    /// Fails for a model without tensors that torch could have.
    init(_ digest: Digest, of store: LocalStore, with reader: LayerReader) throws(CakeError) {
        (self.digest, self.store, self.reader) = (digest, store, reader)
        framing = SharedWork("checksums of archives", on: store.pool)
        manifest = try store.manifest(digest)
        let choice = try WeightChoice(manifest.files, TensorSelection(), Renaming(), from: store)
        layout = try FastArchive(choice.facts(hasJoinedStorages: false, isStreamed: false)).layout
    }

    var size: UInt64 { layout.size }

    /// In bytes, about.
    var cost: Int { 1000 * (layout.members.count + 1) }

    /// Its parts keep the archive, and so what is worked out stays while it is open.
    var parts: [Content.Part] {
        var parts: [Content.Part] = []
        for (index, member) in layout.members.enumerated() {
            let place = layout.places[index]
            switch member.content {
            case .bytes(let bytes):
                parts.append(.bytes(layout.header(of: index, sum: CRC32.of(bytes.span).value) + bytes))
            case .runs(let runs):
                parts.append(
                    .made(
                        Content.Made(count: Int(place.data - place.header)) { try await self.header(of: index) }))
                var end: UInt64 = 0
                for run in runs where run.layer.size > 0 {
                    if run.offset > end { parts.append(.zeros(run.offset - end)) }
                    parts.append(.layer(run.layer))
                    end = run.offset + run.layer.size
                }
            }
        }
        let count = Int(layout.size - layout.directoryStart)
        parts.append(.made(Content.Made(count: count) { try await self.framed().directory }))
        return parts
    }

    private func header(of member: Int) async throws -> [UInt8] {
        layout.header(of: member, sum: try await framed().sums[member])
    }

    private func framed() async throws -> Frame {
        if let frame = frame.withLock({ $0 }) { return frame }
        return try await framing.value(for: digest) {
            let frame = try await self.made()
            self.frame.withLock { $0 = frame }
            return frame
        }
    }

    private func made() async throws -> Frame {
        let known: [Digest: CRC32]
        do {
            known = try await store.checksums(of: digest, manifest, with: reader)
        } catch let unreadable as PieceReader.Unreadable { throw unreadable.error }
        let sums = layout.members.map { member in
            switch member.content {
            case .bytes(let bytes): CRC32.of(bytes.span).value
            case .runs(let runs):
                CRC32.of(runs.filter { $0.layer.size > 0 }.map { ($0, known[$0.layer.digest] ?? CRC32()) }).value
            }
        }
        return Frame(sums: sums, directory: layout.directory(sums: sums))
    }
}
