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

    /// One object of a pack: from the store, or made for it.
    private struct PackedObject: Sendable {
        let layer: Layer
        let made: StoredLayer?
        let object: Object
    }

    /// Hashes a pack and sends it, unless it is there. One that was found damaged there is sent all the same.
    func send(
        _ layers: [Layer], _ layout: Layout, replacing refused: Set<Digest>, in operation: Operation
    ) async throws -> Made {
        var parts: [PackedObject] = []
        var scratch: ScratchObjects?
        for layer in layers {
            guard layout.recoded.contains(layer.digest) else {
                guard let object = layout.objects[layer.digest] else { continue }
                parts.append(PackedObject(layer: layer, made: nil, object: object))
                continue
            }
            let place = try scratch ?? ScratchObjects(in: operation)
            scratch = place
            let made = try await store.storedAlone(layer, kind: layout.kinds[layer.digest], in: operation, place)
            parts.append(PackedObject(layer: layer, made: made, object: Object(length: made.bytes.count, base: nil)))
        }
        let (pack, members) = try hash(parts)
        progress.expect(bytes: pack.size)
        let made = parts
        let body = UploadBody(name: BlobName(pack.digest), size: pack.size) { range, sender in
            try await feed(made, range, to: sender)
        }
        let copied = try await target.copyBlob(
            body, isReplaced: refused.contains(pack.digest), inPiecesOf: options.chunkSize)
        progress.finished(items: UInt64(members.count))
        guard copied == .sent else {
            progress.had(bytes: pack.size)
            return Made(pack: pack, members: members, bytesSent: 0, recoded: 0)
        }
        return Made(
            pack: pack, members: members, bytesSent: pack.size, recoded: parts.count { $0.made != nil })
    }

    private func stored(_ packed: PackedObject) throws(CakeError) -> StoredLayer {
        if let made = packed.made { return made }
        let found = try store.stored(packed.layer)
        guard found.bytes.count == packed.object.length, found.base == packed.object.base else {
            throw CakeError(
                .failed, "layer \(packed.layer.digest.short) was stored again while it was pushed", fix: "run it again")
        }
        return found
    }

    /// A registry needs the digest of a blob before it accepts it.
    private func hash(_ parts: [PackedObject]) throws -> (PackIndex.Pack, [PackIndex.Member]) {
        var whole = SHA256()
        var members: [PackIndex.Member] = []
        var offset: UInt64 = 0
        for part in parts {
            let stored = try stored(part)
            var own = SHA256()
            try store.forEachChunk(of: stored.bytes) { SHA256.update(&own, &whole, $0) }
            // All who pull would trust the digest of a damaged object.
            if part.made == nil { try store.prove(part.layer) }
            members.append(
                PackIndex.Member(
                    layer: part.layer, stored: own.finish(), length: stored.bytes.count, offset: offset, pack: 0,
                    transform: stored.transform, base: stored.base))
            offset += stored.bytes.count
        }
        return (PackIndex.Pack(digest: whole.finish(), size: offset), members)
    }

    private func feed(_ parts: [PackedObject], _ range: Range<UInt64>, to sender: UploadSink) async throws {
        for (index, wanted) in Extents(parts.lazy.map(\.object.length)).parts(of: range) {
            let stored = try stored(parts[index])
            var position = wanted.lowerBound
            while position < wanted.upperBound {
                let chunk = sender.take()
                let count = Int(min(UInt64(chunk.capacity), wanted.upperBound - position))
                try stored.bytes.fill(chunk, from: position, count: count)
                try await throttle?.take(UInt64(count))
                try await sender.send(chunk)
                progress.did(bytes: UInt64(count))
                position += UInt64(count)
            }
        }
    }
}
