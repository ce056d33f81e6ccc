public import Model
public import Platform

extension LocalModel {
    /// The manifest of an import, made by reading every byte. Nothing is stored.
    public func manifest(on pool: BlockingPool, progress: Progress) async throws -> Manifest {
        progress.expect(bytes: files.reduce(0) { $0 + $1.size }, items: UInt64(files.count))
        let steps = hashingSteps()
        let chunks = ChunkPool(chunkCapacity: LocalModel.chunkSize)
        var digests: [Digest] = Array(repeating: .empty, count: files.count)
        var layers: [[Layer]] = files.map { Array(repeating: Layer(digest: .empty, size: 0), count: $0.cuts.count) }
        try await inOrder(steps.count, atOnce: BlockingPool.processors + 1, on: pool) { index in
            try hash(steps[index], through: chunks, progress)
        } take: { index, found in
            switch steps[index] {
            case .whole(let file): digests[file] = found[0].digest
            case .cuts(let file, let range):
                layers[file].replaceSubrange(range, with: found)
                if range.upperBound == layers[file].count { progress.finished() }
            }
        }
        var hashed: [Manifest.File] = []
        for (index, file) in files.enumerated() {
            let segments = zip(file.cuts, layers[index]).map { Manifest.Segment(layer: $1, tensor: $0.tensor) }
            hashed.append(
                try Manifest.File(path: file.path, digest: digests[index], size: file.size, segments: segments))
        }
        return try Manifest(files: hashed)
    }

    private static let chunkSize = 1 << 20
    /// Neighbouring layers are hashed in one step up to this size.
    private static let stepSize: UInt64 = 8 << 20

    private enum Step: Sendable {
        case whole(file: Int)
        case cuts(file: Int, Range<Int>)
    }

    /// A file's own digest begins with its layers: both read the same pages while these are in memory.
    private func hashingSteps() -> [Step] {
        var steps: [Step] = []
        for (index, file) in files.enumerated() {
            steps.append(.whole(file: index))
            var first = 0
            while first < file.cuts.count {
                var (end, bytes) = (first, UInt64(0))
                while end < file.cuts.count, end == first || bytes + file.cuts[end].count <= LocalModel.stepSize {
                    bytes += file.cuts[end].count
                    end += 1
                }
                steps.append(.cuts(file: index, first..<end))
                first = end
            }
        }
        return steps
    }

    private func hash(_ step: Step, through chunks: ChunkPool, _ progress: Progress) throws -> [Layer] {
        let chunk = chunks.take()
        defer { chunks.giveBack(chunk) }
        func layer(_ file: File, _ start: UInt64, _ count: UInt64, counts: Bool) throws -> Layer {
            var hash = SHA256()
            var done: UInt64 = 0
            while done < count {
                try Task.checkCancellation()
                let size = Int(min(UInt64(chunk.capacity), count - done))
                try file.fill(chunk, from: start + done, count: size)
                chunk.withBytes { hash.update($0) }
                done += UInt64(size)
                if counts { progress.did(bytes: UInt64(size)) }
            }
            return Layer(digest: hash.finish(), size: count)
        }
        switch step {
        case .whole(let index):
            let file = try File(files[index].location, .read)
            return [try layer(file, 0, files[index].size, counts: false)]
        case .cuts(let index, let range):
            let file = try File(files[index].location, .read)
            return try files[index].cuts[range].map { try layer(file, $0.start, $0.count, counts: true) }
        }
    }
}
