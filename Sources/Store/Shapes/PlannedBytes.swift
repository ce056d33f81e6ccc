package import Model
internal import Platform

/// A range of a planned blob, made while it is sent. No file is written.
public final class PlannedBytes: Sendable {
    private let parts: [BlobPlan.Part]
    /// Where each part is in the range.
    private let extents: Extents
    /// The bytes of all files of the range, one after the other, and where each part's begin there.
    private let files: RebuiltBytes?
    private let starts: [UInt64]

    package init(
        _ range: Range<UInt64>, of plan: BlobPlan, through cache: PieceCache, by reader: LayerReader,
        holding held: Operation?
    ) {
        parts = plan.parts(of: range)
        extents = Extents(parts.lazy.map(\.size))
        var layers: [Layer] = []
        var starts: [UInt64] = []
        // Whole files lie one after the other; the range begins and ends within one.
        var (end, wanted) = (UInt64(0), nil as Range<UInt64>?)
        for part in parts {
            guard case .file(let file, let run) = part else {
                starts.append(0)
                continue
            }
            let place = end + run.lowerBound..<end + run.upperBound
            let whole = (wanted?.lowerBound ?? place.lowerBound)..<place.upperBound
            wanted = whole
            starts.append(place.lowerBound - whole.lowerBound)
            layers += file.segments.lazy.map(\.layer)
            end += file.size
        }
        self.starts = starts
        files = wanted.map { RebuiltBytes($0, of: layers, through: cache, by: reader, holding: held) }
    }

    public var count: UInt64 { extents.whole.upperBound }

    /// Copies ready bytes from a position of the range on into the room; 0 if there are none yet, nil if they cannot be
    /// read. Never waits.
    public func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int? {
        var done = 0
        var index = extents.index(at: position)
        while done < room.count, index < parts.count {
            let offset = position + UInt64(done) - extents[index].lowerBound
            let most = Int(min(UInt64(room.count - done), extents[index].length - offset))
            switch parts[index] {
            case .bytes(let bytes):
                for byte in 0..<most { room[done + byte] = bytes[Int(offset) + byte] }
                done += most
            case .file:
                var own = room._mutatingExtracting(done..<done + most)
                guard let count = files?.take(into: &own, from: starts[index] + offset) else {
                    return done > 0 ? done : nil
                }
                done += count
                if count < most { return done }
            }
            index += 1
        }
        return done
    }

    /// Calls back once, when there are bytes at that position, or never will be.
    public func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void) {
        let index = extents.index(at: position)
        guard let files, index < parts.count, case .file = parts[index] else { return then() }
        files.wait(for: starts[index] + position - extents[index].lowerBound, then)
    }
}

extension BlobPlan.Part {
    fileprivate var size: UInt64 {
        switch self {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(_, let run): run.length
        }
    }
}
