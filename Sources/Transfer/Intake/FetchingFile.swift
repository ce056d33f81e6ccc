package import Model
package import Platform
internal import Remote
package import Store

extension RangeSource {
    /// Appends a range to parts while it arrives, from `position` on. `heard` gets the bytes that are there. Returns whether
    /// something failed on the way.
    func bring(
        _ wanted: Range<UInt64>, into parts: Parts, at position: UInt64,
        _ heard: (Range<UInt64>) async throws -> Void
    ) async throws -> Bool {
        let part = try parts.part(at: position)
        defer { part.close() }
        return try await bring(wanted) { chunk, bytes in
            try chunk.withBytes { piece throws(CakeError) in try part.append(piece.extracting(first: bytes.count)) }
            try await heard(bytes)
        }
    }
}

/// A file or a blob during its download: which of its bytes are here, which have to be downloaded and from where, and
/// which of its units are complete.
package final class FetchingFile: Sendable {
    /// Where its bytes are meanwhile.
    enum Bytes: Sendable {
        case parts(Parts, any RangeSource)
        /// Another tool's copy on this disk, of a size that fits.
        case copy(File)
    }

    let size: UInt64
    let bytes: Bytes
    let arrivals: Arrivals
    /// The server ignores ranges: all of it comes in one piece.
    private let comesWhole: Bool
    /// The missing bytes at the beginning.
    let gaps: RangeSet<UInt64>
    /// Its readers during the download.
    let reading: ArrivingFile?

    /// `wanted` are the bytes to download, and `given` those that the store has. `onWhole` is called once for each
    /// unit.
    init(
        _ bytes: Bytes, size: UInt64, wanted: RangeSet<UInt64>, given: RangeSet<UInt64> = RangeSet(),
        units: [Range<UInt64>], comesWhole: Bool, reading: ArrivingFile? = nil,
        onWhole: @escaping @Sendable (Int) -> Void
    ) {
        (self.bytes, self.size, self.comesWhole, self.reading) = (bytes, size, comesWhole, reading)
        var here = given
        switch bytes {
        case .parts(let parts, _): here.formUnion(parts.runs.intersection(RangeSet(0..<size)))
        case .copy: here = RangeSet(0..<size)
        }
        gaps = wanted.subtracting(here)
        arrivals = Arrivals(units, having: here, onWhole: onWhole)
    }

    var missing: UInt64 { gaps.length }

    /// The missing bytes, as spans of a file with that number.
    func spans(_ number: Int) -> [RemoteSpan] {
        gaps.ranges.map { RemoteSpan(file: number, bytes: $0, isIndivisible: comesWhole) }
    }

    func arrived(_ bytes: Range<UInt64>) {
        arrivals.arrived(bytes)
        reading?.hears(.arrived(bytes))
    }

    /// A run of bytes that are all here.
    func plain(_ range: Range<UInt64>) throws(CakeError) -> PlainBytes {
        switch bytes {
        case .parts(let parts, _): try parts.plain(range)
        case .copy(let file): PlainBytes(file: file, start: range.lowerBound, count: range.length)
        }
    }

    /// The place of a byte, and of those after it.
    package enum LocalBytes: Sendable {
        case part(Parts.Part)
        case copy(File, size: UInt64)

        /// How far they go by now.
        package var range: Range<UInt64> {
            switch self {
            case .part(let part): part.start..<part.end
            case .copy(_, let size): 0..<size
            }
        }

        /// Whether it is the same part, or the same copy.
        package func isSame(as other: LocalBytes) -> Bool {
            switch (self, other) {
            case (.part(let one), .part(let other)): one === other
            case (.copy(let one, _), .copy(let other, _)): one === other
            default: false
            }
        }

        package func opened() throws(CakeError) -> File {
            switch self {
            case .part(let part): try part.opened()
            case .copy(let file, _): file
            }
        }
    }

    /// Nil when the byte is not here.
    func place(of position: UInt64) -> LocalBytes? {
        switch bytes {
        case .parts(let parts, _): parts.part(having: position).map { .part($0) }
        case .copy(let file): position < size ? .copy(file, size: size) : nil
        }
    }

    /// Its parts are not needed any more.
    func discardParts() throws(CakeError) { if case .parts(let parts, _) = bytes { try parts.remove() } }

    /// Its parts are right so far: the next try continues them.
    func keepParts() { if case .parts(let parts, _) = bytes { parts.release() } }
}
