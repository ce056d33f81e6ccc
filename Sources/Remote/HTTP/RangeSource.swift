internal import Model
internal import Network
package import Platform
internal import Synchronization

/// A file or a blob on a server, any run of which can be asked for.
package protocol RangeSource: Sendable {
    /// For errors.
    var label: String { get }
    /// The server was seen to ignore ranges: all of it comes in one piece.
    var comesWhole: Bool { get }
    var line: Line { get }
    func open(_ range: Range<UInt64>) async throws -> OpenedRun
}

extension RangeSource {
    package var line: Line { Line() }

    /// Hands on a run's bytes as they come: the first of a chunk, and where in the file they lie. What fails in a way that may
    /// pass goes on where it stopped, on another connection; says whether anything did.
    package func bring(_ wanted: Range<UInt64>, _ take: (Chunk, Range<UInt64>) async throws -> Void) async throws
        -> Bool
    {
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
                            CakeError(.network, "\(label): the server ended the answer at byte \(position)"))
                    }
                    defer { run.giveBack(chunk) }
                    // What a server sends beyond the run is not ours.
                    let bytes = position..<position + min(UInt64(chunk.count), wanted.upperBound - position)
                    try await take(chunk, bytes)
                    position = bytes.upperBound
                    if tries > 0 { line.says?(nil) }
                }
            } catch let failure as TransientFailure {
                suffered = true
                // A server that brought something and stopped is asked for the rest at once.
                tries = position > start ? 0 : tries + 1
                guard tries > 0 else { continue }
                try await line.wait(after: failure, failures: tries)
            }
        }
        return suffered
    }

    /// A run as all that is in a chunk with room for it. Says whether anything failed in passing.
    package func fill(_ chunk: Chunk, with wanted: Range<UInt64>) async throws -> Bool {
        chunk.count = 0
        return try await bring(wanted) { piece, bytes in
            piece.withBytes { _ = chunk.append($0.extracting(first: bytes.count)) }
        }
    }

    /// A short run, in memory. What came before a failure is kept: the next try goes on there.
    package func bytes(_ range: Range<UInt64>) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        _ = try await bring(range) { chunk, part in
            chunk.withBytes { piece in
                let wanted = piece.extracting(first: part.count)
                for index in wanted.indices { bytes.append(wanted[index]) }
            }
        }
        return bytes
    }
}

/// An answer from the first byte on that was asked for.
package final class OpenedRun: Sendable {
    private let exchange: HTTPExchange
    /// What is left of a chunk whose beginning was dropped.
    private let rest: Mutex<Chunk?>
    /// Where a mirror sends it.
    private let watch: Mirrors.Watch?

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
        rest = Mutex(nil)
        watch = nil
    }

    /// The same run, which nobody has read of yet.
    init(_ run: OpenedRun, watchedBy watch: Mirrors.Watch) {
        exchange = run.exchange
        rest = Mutex(run.rest.withLock { $0 })
        self.watch = watch
    }

    init(_ exchange: HTTPExchange, after dropped: Int, of chunk: Chunk) {
        self.exchange = exchange
        rest = Mutex(chunk.withBytes { Chunk(copying: $0.extracting(dropped..<$0.count)) })
        watch = nil
    }

    /// A server that ignores ranges sends everything: what comes before the run is read and dropped.
    convenience init(_ exchange: HTTPExchange, of label: String, droppingFirst count: UInt64) async throws {
        var left = count
        while left > 0 {
            guard let chunk = try await TransientFailure.naming({ try await exchange.next() }) else {
                throw TransientFailure(CakeError(.network, "\(label): the server ended the answer early"))
            }
            defer { exchange.giveBack(chunk) }
            guard UInt64(chunk.count) <= left else {
                self.init(exchange, after: Int(left), of: chunk)
                return
            }
            left -= UInt64(chunk.count)
        }
        self.init(exchange)
    }

    package func next() async throws -> Chunk? {
        let first = rest.withLock { rest in
            defer { rest = nil }
            return rest
        }
        if let first { return first }
        guard let watch else { return try await TransientFailure.naming { try await exchange.next() } }
        return try await watch.next { try await TransientFailure.naming { try await exchange.next() } }
    }

    package func giveBack(_ chunk: Chunk) { exchange.giveBack(chunk) }
}
