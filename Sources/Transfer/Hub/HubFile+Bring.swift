internal import Model
internal import Platform

extension HubFile {
    /// Hands on a run's bytes as they come: the first of a chunk, and where in the file they lie. What fails in a way that may
    /// pass goes on where it stopped, on another connection; says whether anything did.
    func bring(_ wanted: Range<UInt64>, _ take: (Chunk, Range<UInt64>) async throws -> Void) async throws -> Bool {
        var position = wanted.lowerBound
        var tries = 0
        var suffered = false
        while position < wanted.upperBound {
            let start = position
            do {
                let run = try await open(position..<wanted.upperBound)
                while position < wanted.upperBound {
                    guard let chunk = try await run.next() else {
                        throw TransientFailure(
                            CakeError(.network, "\(listed.path): the server ended the answer at byte \(position)"))
                    }
                    defer { run.giveBack(chunk) }
                    // What a server sends beyond the run is not ours.
                    let bytes = position..<position + min(UInt64(chunk.count), wanted.upperBound - position)
                    try await take(chunk, bytes)
                    position = bytes.upperBound
                }
            } catch let failure as TransientFailure {
                suffered = true
                // A server that brought something and stopped is asked for the rest at once.
                tries = position > start ? 0 : tries + 1
                guard tries > 0 else { continue }
                guard let wait = failure.wait(afterFailures: tries) else { throw failure.error }
                try await Task.sleep(for: wait)
            }
        }
        return suffered
    }

    /// A run as all that is in a chunk with room for it. Says whether anything failed in passing.
    func fill(_ chunk: Chunk, with wanted: Range<UInt64>) async throws -> Bool {
        chunk.count = 0
        return try await bring(wanted) { piece, bytes in
            piece.withBytes { _ = chunk.append($0.extracting(first: bytes.count)) }
        }
    }
}
