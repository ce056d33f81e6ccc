internal import Model
internal import Platform
internal import Store

/// One read of the kernel. It takes what is decoded and sleeps until the next piece is; no thread waits for that.
final class FileRead: Sendable {
    let file: OpenFile
    private let start: UInt64
    let answer: Answer
    let began = ContinuousClock.now
    let waits: @Sendable () -> Void
    private let then: @Sendable (OpenFile.End) -> Void

    init(
        of file: OpenFile, _ range: Range<UInt64>, waits: @escaping @Sendable () -> Void,
        _ then: @escaping @Sendable (OpenFile.End) -> Void
    ) {
        (self.file, self.waits, self.then) = (file, waits, then)
        start = range.lowerBound
        answer = Answer(of: Int(range.upperBound - range.lowerBound), chunks: file.files.chunks)
    }

    /// Each piece that comes continues it, one at a time.
    func run() {
        while answer.count < answer.size {
            switch file.parts.spot(at: start + UInt64(answer.count)) {
            case .bytes(let bytes, let offset): answer.append(bytes.span.extracting(offset..<bytes.count))
            case .zeros(let size): answer.append(zeros: Int(clamping: size))
            case .made(let made, let offset):
                if let bytes = made.bytes {
                    answer.append(bytes.span.extracting(offset..<bytes.count))
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
        then(.bytes(answer))
    }

    /// False if the read goes on when the piece is decoded, or has ended.
    func take(_ piece: PieceReader.Piece, from offset: Int) -> Bool {
        if append(piece, from: offset) { return true }
        file.files.cache.wait(for: piece) { end in
            switch end {
            case .success: self.run()
            case .failure(let error): self.fail(error, at: piece.layer)
            }
        }
        return false
    }

    private func append(_ piece: PieceReader.Piece, from offset: Int) -> Bool {
        guard let held = file.files.cache.piece(piece) else { return false }
        let count = answer.append(held, from: offset)
        file.files.cache.note(count, passedOnOf: held, piece)
        file.note(isRaw: held.isRaw)
        return count > 0
    }

    /// Never a shorter answer: the kernel would take that for the end of the file.
    func fail(_ error: any Error, at layer: Layer? = nil, isLazy: Bool = false) {
        let error = error as? CakeError ?? CakeError(.failed, "\(error)")
        file.files.note(
            OpenFiles.Unreadable(
                path: file.path, model: file.model, layer: layer, manifest: file.manifest, error: error,
                isLazy: isLazy))
        then(.unreadable)
    }
}
