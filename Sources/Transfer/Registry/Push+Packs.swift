internal import Model
internal import Platform
internal import Remote
internal import Store

extension Push {
    /// A new pack that is there now.
    struct Made: Sendable {
        let pack: PackIndex.Pack
        /// `PackBuilder` gives them the pack's number.
        let members: [PackIndex.Member]
        /// Nothing when it was there.
        let bytesSent: UInt64
        let recoded: Int
    }

    /// Hashes a pack and sends it, unless it is there. One that was found damaged there is sent all the same.
    func send(
        _ layers: [Layer], _ layout: Layout, replacing refused: Set<Digest>, in operation: Operation
    ) async throws -> Made {
        let objects = try await PackedObjects(layers, layout, from: store, in: operation)
        let (pack, members) = try objects.hashed()
        progress.expect(bytes: pack.size)
        let body = UploadBody(name: BlobName(pack.digest), size: pack.size) { range, sender in
            try await feed(objects, range, to: sender)
        }
        let copied = try await target.copyBlob(
            body, isReplaced: refused.contains(pack.digest), inPiecesOf: options.chunkSize)
        progress.finished(items: UInt64(members.count))
        guard copied == .sent else {
            progress.had(bytes: pack.size)
            return Made(pack: pack, members: members, bytesSent: 0, recoded: 0)
        }
        return Made(
            pack: pack, members: members, bytesSent: pack.size, recoded: objects.recoded)
    }

    private func feed(_ objects: PackedObjects, _ range: Range<UInt64>, to sender: UploadSink) async throws {
        for (object, wanted) in objects.parts(of: range) {
            let stored = try objects.stored(object)
            var position = wanted.lowerBound
            while position < wanted.upperBound {
                let chunk = sender.take()
                let count = Int(min(UInt64(chunk.capacity), wanted.upperBound - position))
                try stored.bytes.fill(chunk, from: position, count: count)
                try await sender.wait(for: throttle, count)
                try await sender.send(chunk)
                sender.count(count, in: progress)
                position += UInt64(count)
            }
        }
    }
}
