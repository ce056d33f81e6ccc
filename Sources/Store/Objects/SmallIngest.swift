internal import Codec
public import Model
internal import Platform

extension LocalStore {
    /// A small layer that was read, with its object if the store lacks it.
    public struct SmallLayer: Sendable {
        public let layer: Layer
        let object: SmallObject?

        public var wasHere: Bool { object == nil }

        /// Puts its object, if there is one, into the operation's pack, in the order of the calls.
        public func pack(in operation: Operation) throws(CakeError) {
            if let object { try operation.pack(object) }
        }
    }

    /// A small layer among others.
    public struct SmallRun: Sendable {
        let count: Int
        let kind: Tensor.Kind?

        public init(count: Int, kind: Tensor.Kind?) {
            self.count = count
            self.kind = kind
        }
    }

    /// Names neighbouring small layers of a file, read at once, and makes the objects of those that are not here.
    /// `bases` gives the candidates of each for a base, by its number.
    public func readSmall(
        _ runs: [SmallRun], of plain: PlainBytes, in operation: Operation,
        bases: (Int) throws(CakeError) -> [Layer] = { _ in [] }
    ) throws(CakeError) -> [SmallLayer] {
        let chunk = plainChunks.take()
        let stored = storedChunks.take()
        defer {
            plainChunks.giveBack(chunk)
            storedChunks.giveBack(stored)
        }
        try plain.fill(chunk, from: 0, count: Int(plain.count))
        var layers: [Layer] = []
        var ranges: [Range<Int>] = []
        var start = 0
        for run in runs {
            let range = start..<start + run.count
            layers.append(
                chunk.withBytes { bytes in
                    Layer(digest: SHA256.digest(of: bytes.extracting(range)), size: UInt64(run.count))
                })
            ranges.append(range)
            start = range.upperBound
        }
        let claims = try operation.claim(layers)
        var offers: [SmallOffer] = []
        for (index, run) in runs.enumerated() where claims[index] == .needed {
            offers.append(
                SmallOffer(layer: layers[index], range: ranges[index], dtype: run.kind?.dtype, bases: try bases(index)))
        }
        var chosen = try chooseBases(for: offers, in: chunk, operation).makeIterator()
        var result: [SmallLayer] = []
        for (index, run) in runs.enumerated() {
            var object: SmallObject?
            if claims[index] == .needed {
                let base = chosen.next() ?? nil
                object = try chunk.withBytes { bytes throws(CakeError) in
                    try makeObject(
                        layers[index], bytes.extracting(ranges[index]), run.kind, beside: base, stored, operation)
                }
            }
            result.append(SmallLayer(layer: layers[index], object: object))
        }
        return result
    }

    func makeObject(
        _ layer: Layer, _ plain: Span<UInt8>, _ kind: Tensor.Kind?, beside base: StoredObject?, _ stored: Chunk,
        _ operation: Operation
    ) throws(CakeError) -> SmallObject {
        let room = plainChunks.take()
        defer { plainChunks.giveBack(room) }
        let beside = try whole(base, into: room) ? room : nil
        return try coders.use { coder throws(CakeError) in
            let encoding = try Encoding.choose(for: plain, kind, base: beside, coder: coder, stored: stored)
            let base = encoding.form.needsBase ? base?.header.layer.digest : nil
            if let base { operation.becomesDelta(layer, of: base) } else { operation.keepsPlain(layer) }
            let header = ObjectHeader(layer: layer, form: encoding.form, base: base).encoded
            var (bytes, frames) = (header, [SeekTable.Frame]())
            func take(_ stored: Span<UInt8>) {
                bytes.reserveCapacity(bytes.count + stored.count + SeekTable.fixedLength)
                for index in stored.indices { bytes.append(stored[index]) }
            }
            if let factors = encoding.factors { frames = try factors.encode(with: coder, stored, take) }
            frames += try coder.encode(
                plain, encoding, base: beside, adding: encoding.addend(piece: 0), into: stored)
            stored.withBytes(take)
            bytes += SeekTable.encode(headerLength: header.count, frames: frames)
            return SmallObject(layer: layer, transform: encoding.form.transform, base: base, bytes: bytes)
        }
    }

    /// False for none; a problem with a base does not stop a layer from being stored.
    private func whole(_ base: StoredObject?, into room: Chunk) throws(CakeError) -> Bool {
        guard let base else { return false }
        do {
            try read(piece: 0, of: base, base: nil, into: room)
        } catch {
            guard error.kind == .damaged else { throw error }
            return false
        }
        return true
    }
}
