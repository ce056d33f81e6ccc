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

    /// Names neighbouring small layers of a file, read at once, and makes the objects of those that are not here.
    public func readSmall(
        _ runs: [(count: Int, isTensor: Bool)], of plain: PlainBytes, in operation: Operation
    ) throws(CakeError) -> [SmallLayer] {
        let chunk = plainChunks.take()
        let frame = storedChunks.take()
        defer {
            plainChunks.giveBack(chunk)
            storedChunks.giveBack(frame)
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
        var result: [SmallLayer] = []
        for (index, run) in runs.enumerated() {
            var object: SmallObject?
            if claims[index] == .needed {
                object = try chunk.withBytes { bytes throws(CakeError) in
                    try makeObject(layers[index], bytes.extracting(ranges[index]), isTensor: run.isTensor, frame: frame)
                }
            }
            result.append(SmallLayer(layer: layers[index], object: object))
        }
        return result
    }

    private func makeObject(
        _ layer: Layer, _ plain: Span<UInt8>, isTensor: Bool, frame: Chunk
    ) throws(CakeError) -> SmallObject {
        let header = ObjectHeader(layer: layer).encoded
        try coders.use { coder throws(CakeError) in
            try coder.encode(plain, Encoding.effort(forTensor: isTensor), into: frame)
            if Double(frame.count) > Double(plain.count) * Encoding.worthwhileShare {
                try coder.encode(plain, .none, into: frame)
            }
        }
        let table = SeekTable.encode(headerLength: header.count, frames: [(frame.count, plain.count)])
        var bytes = header
        bytes.reserveCapacity(header.count + frame.count + table.count)
        frame.withBytes { frame in for index in frame.indices { bytes.append(frame[index]) } }
        bytes += table
        return SmallObject(layer: layer, bytes: bytes)
    }
}
