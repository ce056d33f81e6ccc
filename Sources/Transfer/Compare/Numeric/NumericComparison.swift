public import Model
public import Platform
public import Store

/// Where the bytes of a model's tensors can be read piece by piece.
public struct TensorReader: Sendable {
    private enum Source: Sendable {
        case store(LayerReader)
        /// Each file, and where in it each tensor begins.
        case files([FilePath: (file: File, starts: [ExactText: UInt64])], ChunkPool)
    }

    private let source: Source

    public init(_ store: LocalStore) { source = .store(LayerReader(store)) }

    public init(_ model: LocalModel) throws(CakeError) {
        var files: [FilePath: (file: File, starts: [ExactText: UInt64])] = [:]
        for found in model.files {
            var starts: [ExactText: UInt64] = [:]
            for cut in found.cuts { if let tensor = cut.tensor { starts[tensor.name] = cut.start } }
            if !starts.isEmpty { files[found.path] = (try File(found.location, .read), starts) }
        }
        source = .files(files, ChunkPool(chunkCapacity: Int(LayerReader.pieceSize)))
    }

    public init(_ archive: ArchiveFile) {
        var files: [FilePath: (file: File, starts: [ExactText: UInt64])] = [:]
        let positions = archive.archive.positions
        for file in archive.outline.files where file.hasTensors {
            var starts: [ExactText: UInt64] = [:]
            for segment in file.segments {
                guard let tensor = segment.tensor, let digest = segment.digest else { continue }
                starts[tensor.name] = positions[digest]
            }
            files[file.path] = (archive.file, starts)
        }
        source = .files(files, ChunkPool(chunkCapacity: Int(LayerReader.pieceSize)))
    }

    func piece(_ index: Int, of tensor: Difference.Place) throws(CakeError) -> Chunk {
        switch source {
        case .store(let reader):
            guard let layer = tensor.layer else {
                throw CakeError(.notFound, "tensor \(tensor.tensor.name.printable) of \(tensor.file) was not read")
            }
            return try reader.piece(index, of: layer)
        case .files(let files, let chunks):
            guard let (file, starts) = files[tensor.file], let start = starts[tensor.tensor.name] else {
                throw CakeError(.notFound, "no tensor \(tensor.tensor.name.printable) in \(tensor.file)")
            }
            let offset = UInt64(index) * UInt64(LayerReader.pieceSize)
            let chunk = chunks.take()
            let count = Int(min(UInt64(LayerReader.pieceSize), tensor.size - offset))
            do throws(CakeError) {
                try file.fill(chunk, from: start + offset, count: count)
            } catch {
                chunks.giveBack(chunk)
                throw error
            }
            return chunk
        }
    }

    func giveBack(_ chunk: Chunk) {
        switch source {
        case .store(let reader): reader.giveBack(chunk)
        case .files(_, let chunks): chunks.giveBack(chunk)
        }
    }
}

/// Compares the numbers of tensors that changed, piece by piece, on all cores.
public struct NumericComparison: Sendable {
    let before: TensorReader
    let after: TensorReader
    let progress: Progress

    public init(from before: TensorReader, to after: TensorReader, progress: Progress) {
        self.before = before
        self.after = after
        self.progress = progress
    }

    /// Whether the numbers of the two can be subtracted: same dtype and shape, other bytes.
    public static func compares(_ change: Difference.TensorChange) -> Bool {
        guard change.kind == .changed, let tensor = change.after?.tensor else { return false }
        return NumericDifference.compares(tensor.dtype)
    }

    private struct Piece: Sendable {
        let change: Int
        let index: Int
        let isLast: Bool
    }

    /// For each change its numbers, or nil if there are none to compare.
    public func callAsFunction(
        _ changes: [Difference.TensorChange], on pool: BlockingPool
    ) async throws -> [NumericDifference?] {
        var result: [NumericDifference?] = Array(repeating: nil, count: changes.count)
        var steps: [[Piece]] = [[]]
        var stepBytes: UInt64 = 0
        for (number, change) in changes.enumerated() where NumericComparison.compares(change) {
            guard let layer = change.after?.layer else { continue }
            result[number] = NumericDifference()
            progress.expect(bytes: layer.size, items: 1)
            let count = LayerReader.pieces(of: layer)
            for index in 0..<count {
                // Small tensors share a step.
                if stepBytes >= UInt64(LayerReader.pieceSize) {
                    steps.append([])
                    stepBytes = 0
                }
                steps[steps.count - 1].append(Piece(change: number, index: index, isLast: index == count - 1))
                stepBytes += min(layer.size, UInt64(LayerReader.pieceSize))
            }
        }
        let plan = steps
        try await inOrder(plan.count, atOnce: 2 * BlockingPool.processors, on: pool) { step in
            try plan[step].map { try compare($0, of: changes[$0.change]) }
        } take: { step, found in
            for (piece, numbers) in zip(plan[step], found) {
                result[piece.change]?.add(numbers)
                if piece.isLast { progress.finished() }
            }
        }
        return result
    }

    private func compare(_ piece: Piece, of change: Difference.TensorChange) throws -> NumericDifference {
        try Task.checkCancellation()
        var found = NumericDifference()
        guard let old = change.before, let new = change.after else { return found }
        let left = try before.piece(piece.index, of: old)
        defer { before.giveBack(left) }
        let right = try after.piece(piece.index, of: new)
        defer { after.giveBack(right) }
        let dtype = new.tensor.dtype
        switch dtype.bits {
        case 8: left.withBytes { left in right.withBytes { found.compare(left, $0, as: dtype) } }
        case 16:
            left.withWords(UInt16.self) { left in right.withWords(UInt16.self) { found.compare(left, $0, as: dtype) } }
        case 32:
            left.withWords(UInt32.self) { left in right.withWords(UInt32.self) { found.compare(left, $0, as: dtype) } }
        default:
            left.withWords(UInt64.self) { left in right.withWords(UInt64.self) { found.compare(left, $0, as: dtype) } }
        }
        progress.did(bytes: UInt64(right.count))
        return found
    }
}
