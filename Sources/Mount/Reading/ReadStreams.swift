internal import Store

/// Where a file is being read in order. A program may read several parts of it at once, as torch's threads do: each has
/// its own read-ahead.
struct ReadStreams {
    private struct Stream {
        var ahead: ReadAhead
        /// The number of the last read that belongs to it.
        var last: Int
    }

    private var streams: [Stream] = []
    private var reads = 0

    static let most = 8
    /// One that was not read for so many reads of the file is over.
    private static let patience = 256

    /// How many of them read ahead.
    var readers: Int { streams.count { $0.ahead.window > 0 } }

    /// That of the last read.
    var latest: ReadAhead? { streams.first { $0.last == reads }?.ahead }

    /// Notes a read; returns the pieces that should be requested now.
    mutating func next(after range: Range<UInt64>, upTo most: UInt64, atMost count: Int, among parts: FileParts)
        -> [PieceReader.Piece]
    {
        reads += 1
        streams.removeAll { [reads] in reads - $0.last > ReadStreams.patience }
        let index = nearest(to: range) ?? begin()
        streams[index].last = reads
        return streams[index].ahead.next(after: range, upTo: most, atMost: count, among: parts)
    }

    private func nearest(to range: Range<UInt64>) -> Int? {
        streams.indices.compactMap { index in
            streams[index].ahead.distance(to: range).map { (index: index, distance: $0) }
        }.min { $0.distance < $1.distance }?.index
    }

    /// Takes the place of the oldest if there are too many, and rather of one that does not read ahead.
    private mutating func begin() -> Int {
        if streams.count < ReadStreams.most {
            streams.append(Stream(ahead: ReadAhead(), last: reads))
            return streams.count - 1
        }
        let idle = streams.indices.filter { streams[$0].ahead.window == 0 }
        let oldest = (idle.isEmpty ? Array(streams.indices) : idle).min { streams[$0].last < streams[$1].last } ?? 0
        streams[oldest].ahead = ReadAhead()
        return oldest
    }
}
