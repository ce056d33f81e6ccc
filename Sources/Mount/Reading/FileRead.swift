internal import Model
internal import Platform
internal import Store

/// One read of the kernel. It copies what is decoded and sleeps until the next piece is; no thread waits for that.
final class FileRead: Sendable {
    let file: OpenFile
    private let start: UInt64
    let count: Int
    /// Its count is how far the read has come.
    let chunk: Chunk
    let began = ContinuousClock.now
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
            case .piece(let piece, let offset): guard take(piece, from: offset) else { return }
            case .lazy(let lazy, let offset): guard take(lazy, from: offset) else { return }
            }
        }
        end(.bytes(chunk))
    }

    /// False if the read goes on when the piece is decoded, or has ended.
    func take(_ piece: PieceReader.Piece, from offset: Int) -> Bool {
        if copy(piece, from: offset) { return true }
        file.files.cache.wait(for: piece) { end in
            switch end {
            case .success: self.run()
            case .failure(let error): self.fail(error, at: piece.layer)
            }
        }
        return false
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
    func fail(_ error: any Error, at layer: Layer? = nil, isLazy: Bool = false) {
        let error = error as? CakeError ?? CakeError(.failed, "\(error)")
        file.files.note(
            OpenFiles.Unreadable(
                path: file.path, model: file.model, layer: layer, manifest: file.manifest, error: error,
                isLazy: isLazy))
        end(.unreadable)
    }

    private func end(_ end: OpenFile.End) {
        then(end)
        if chunk.capacity == OpenFiles.largestRead { file.files.chunks.giveBack(chunk) }
    }
}
