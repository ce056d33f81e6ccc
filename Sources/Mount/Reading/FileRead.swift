internal import Model
internal import Platform
internal import Store

/// One read of the kernel. It copies what is decoded and sleeps until the next piece is; no thread waits for that.
final class FileRead: Sendable {
    private let file: OpenFile
    private let start: UInt64
    private let count: Int
    /// Its count is how far the read has come.
    private let chunk: Chunk
    private let then: @Sendable (OpenFile.End) -> Void

    init(of file: OpenFile, _ range: Range<UInt64>, _ then: @escaping @Sendable (OpenFile.End) -> Void) {
        self.file = file
        self.then = then
        start = range.lowerBound
        let size = Int(range.upperBound - range.lowerBound)
        chunk = size <= OpenFiles.largestRead ? file.files.chunks.take() : Chunk(capacity: size)
        count = size
    }

    /// Each piece that comes continues it, one at a time.
    func run() {
        while chunk.count < count {
            switch file.parts.spot(at: start + UInt64(chunk.count)) {
            case .bytes(let bytes, let offset):
                chunk.append(bytes.span.extracting(offset..<min(bytes.count, offset + count - chunk.count)))
            case .zeros(let size): fillZeros(Int(clamping: min(size, UInt64(count - chunk.count))))
            case .made(let made, let offset):
                if let bytes = made.bytes {
                    chunk.append(bytes.span.extracting(offset..<min(bytes.count, offset + count - chunk.count)))
                    continue
                }
                return made.wait { end in
                    switch end {
                    case .success: self.run()
                    case .failure(let error): self.fail(error, at: nil)
                    }
                }
            case .piece(let piece, let offset):
                if copy(piece, from: offset) { continue }
                return file.files.cache.wait(for: piece) { end in
                    switch end {
                    case .success: self.run()
                    case .failure(let error): self.fail(error, at: piece.layer)
                    }
                }
            }
        }
        end(.bytes(chunk))
    }

    private func copy(_ piece: PieceReader.Piece, from offset: Int) -> Bool {
        let done = chunk.count
        let copied = chunk.withRoom { room -> Int? in
            var left = room._mutatingExtracting(done..<count)
            return file.files.cache.copy(piece, from: offset, into: &left)
        }
        guard let copied, copied > 0 else { return false }
        chunk.count = done + copied
        return true
    }

    private func fillZeros(_ size: Int) {
        let done = chunk.count
        chunk.withRoom { room in for index in done..<done + size { room[index] = 0 } }
        chunk.count = done + size
    }

    /// Never a shorter answer: the kernel would take that for the end of the file.
    private func fail(_ error: any Error, at layer: Layer?) {
        let error = error as? CakeError ?? CakeError(.failed, "\(error)")
        file.files.note(
            OpenFiles.Unreadable(
                path: file.path, model: file.model, layer: layer, manifest: file.manifest, error: error))
        end(.unreadable)
    }

    private func end(_ end: OpenFile.End) {
        then(end)
        if chunk.capacity == OpenFiles.largestRead { file.files.chunks.giveBack(chunk) }
    }
}
