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

    /// Passes on a run's bytes as they come: a chunk, and its place in the file. After a temporary failure it continues
    /// where it stopped, on another connection; returns whether there was one.
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
                    // Bytes beyond the run are ignored.
                    let bytes = position..<position + min(UInt64(chunk.count), wanted.upperBound - position)
                    try await take(chunk, bytes)
                    position = bytes.upperBound
                    if tries > 0 { line.says?(nil) }
                }
            } catch let failure as TransientFailure {
                suffered = true
                // If a server sent something and stopped, or another one is next, the rest is requested at once.
                tries = position > start || failure.isElsewhere ? 0 : tries + 1
                guard tries > 0 else { continue }
                try await line.wait(after: failure, failures: tries)
            }
        }
        return suffered
    }

    /// A run into a chunk with room for it. Returns whether there was a temporary failure.
    package func fill(_ chunk: Chunk, with wanted: Range<UInt64>) async throws -> Bool {
        chunk.count = 0
        return try await bring(wanted) { piece, bytes in
            piece.withBytes { _ = chunk.append($0.extracting(first: bytes.count)) }
        }
    }

    /// A short run, in memory. Bytes before a failure are kept: the next try continues there.
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
    private enum Bytes {
        case exchange(HTTPExchange)
        /// From another place than a server's answer.
        case other(@Sendable () async throws -> Chunk?)
    }

    private let bytes: Bytes
    /// The rest of a chunk whose beginning was dropped.
    private let rest: Mutex<Chunk?>
    private let watch: (any RunWatch)?

    init(_ exchange: HTTPExchange) {
        bytes = .exchange(exchange)
        rest = Mutex(nil)
        watch = nil
    }

    /// The same run, before any byte of it was read.
    init(_ run: OpenedRun, watchedBy watch: any RunWatch) {
        bytes = run.bytes
        rest = Mutex(run.rest.withLock { $0 })
        self.watch = watch
    }

    /// `next` gives the bytes in order, and nil at their end.
    package init(_ next: @escaping @Sendable () async throws -> Chunk?) {
        bytes = .other(next)
        rest = Mutex(nil)
        watch = nil
    }

    init(_ exchange: HTTPExchange, after dropped: Int, of chunk: Chunk) {
        bytes = .exchange(exchange)
        rest = Mutex(chunk.withBytes { Chunk(copying: $0.extracting(dropped..<$0.count)) })
        watch = nil
    }

    /// A server that ignores ranges sends everything: the bytes before the run are read and dropped.
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
        switch bytes {
        case .other(let next): return try await next()
        case .exchange(let exchange):
            guard let watch else { return try await TransientFailure.naming { try await exchange.next() } }
            return try await watch.next(of: exchange)
        }
    }

    package func giveBack(_ chunk: Chunk) { if case .exchange(let exchange) = bytes { exchange.giveBack(chunk) } }
}
