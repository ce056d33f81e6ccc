internal import Model
internal import Platform

/// A piece of floats as its difference from a base's: equal runs are dropped, the differences of the others are sorted
/// by the base's exponents, and each group of them is packed as its own counts allow. Drawn in docs/codec.md.
///
/// A training step has about the same size everywhere, and a float's last bit depends on its exponent: the differences
/// of elements with one exponent are alike. The order costs nothing, because a reader has the base.
struct GroupedDelta: ~Copyable {
    /// The encoding of a group's bytes.
    enum Packing: Equatable {
        case zeros
        case codes(bits: Int)
        case bytes(low: Int)

        init?(mode: UInt8, width: Int) {
            switch mode {
            case 0: self = .zeros
            case 1: self = .codes(bits: 2)
            case 2: self = .codes(bits: 4)
            case 16...UInt8(16 + 8 * (width - 1)): self = .bytes(low: Int(mode) - 16)
            default: return nil
            }
        }

        var mode: UInt8 {
            switch self {
            case .zeros: 0
            case .codes(let bits): UInt8(bits / 2)
            case .bytes(let low): UInt8(16 + low)
            }
        }

        /// Bytes of codes and of low bits for so many values.
        func sizes(of count: Int) -> (codes: Int, bits: Int) {
            switch self {
            case .zeros: (0, 0)
            case .codes(let bits): (Codes.size(of: count, bits: bits), 0)
            case .bytes(let low): (count, Codes.size(of: count, bits: low))
            }
        }
    }

    /// A rewritten piece: the bytes of its two frames, and where in the first one groups of another kind begin.
    struct Rewritten {
        var first = 0
        var second = 0
        var cuts: [Int] = []
    }

    /// The largest rewritten piece for a count of bytes: no value takes more than twice its own bytes, and the rest is
    /// flags, modes and padding of a group's last byte.
    static func limit(of count: Int) -> Int { 2 * count + Runs.flagBytes(for: count) + 1024 }

    /// The runs that differ, of the piece and of its base.
    var changed: [UInt8] = []
    var changedBase: [UInt8] = []
    /// In the order of the elements, and in that of the groups.
    var values: [UInt8] = []
    var grouped: [UInt8] = []
    var escapes: [UInt8] = []
    var bits: [UInt8] = []

    /// Codes of 2 bits are for groups of which no more than this escapes; the same for 4.
    private static let escapingShare = (codesOf2: 0.06, codesOf4: 0.04)
    private static let escapingBytesShare = 0.002
    /// Bytes of codes, as small as they may become, that are worth tables of their own.
    private static let worthCutting = 384

    mutating func makeRoom(for count: Int) {
        guard values.count < count else { return }
        let room = max(count, 1 << Int(ObjectHeader.standardPieceBits))
        changed = [UInt8](repeating: 0, count: room)
        (changedBase, values, grouped, escapes, bits) = (changed, changed, changed, changed, changed)
    }

    /// The piece and its base have the same length.
    mutating func encode(
        _ piece: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, into room: inout MutableSpan<UInt8>
    ) -> Rewritten {
        let (width, whole) = (layout.width, piece.count / layout.width * layout.width)
        makeRoom(for: whole)
        var result = Rewritten()
        result.first = Runs.flagBytes(for: whole)
        var flags = room._mutatingExtracting(0..<result.first)
        let counts = GroupedDelta.group(
            piece.extracting(0..<whole), base.extracting(0..<whole), layout, flags: &flags, &changed, &changedBase,
            &values, into: &grouped)
        var mode = result.first
        result.first += counts.count { $0 > 0 }
        result.cuts.append(result.first)
        var (start, escaped, sinceCut) = (0, 0, 0)
        for count in counts where count > 0 {
            let end = start + Int(count) * width
            let (packing, least) = packing(of: start..<end, width)
            room[mode] = packing.mode
            mode += 1
            let sizes = packing.sizes(of: Int(count))
            var codes = room._mutatingExtracting(result.first..<result.first + sizes.codes)
            escaped += GroupedDelta.pack(
                grouped, start..<end, packing, width, into: &codes, &bits, at: result.second, &escapes,
                at: escaped * width)
            result.first += sizes.codes
            result.second += sizes.bits
            start = end
            sinceCut += least
            if sinceCut >= GroupedDelta.worthCutting {
                result.cuts.append(result.first)
                sinceCut = 0
            }
        }
        if escaped > 0 {
            if result.cuts[result.cuts.count - 1] < result.first { result.cuts.append(result.first) }
            let size = escaped * width
            var planes = room._mutatingExtracting(result.first..<result.first + size)
            Planes.split(escapes.span.extracting(0..<size), width: width, isRotated: false, into: &planes)
            result.first += size
        }
        let last = result.first
        result.cuts.removeAll { $0 == 0 || $0 >= last }
        room.copy(bits.span.extracting(0..<result.second), at: result.first)
        room.copy(piece.extracting(whole..<piece.count), at: result.first + result.second)
        result.second += piece.count - whole
        return result
    }

    /// Leaves the differences in `grouped`; returns how many each exponent has.
    private static func group(
        _ piece: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, flags: inout MutableSpan<UInt8>,
        _ changed: inout [UInt8], _ changedBase: inout [UInt8], _ values: inout [UInt8], into grouped: inout [UInt8]
    ) -> [UInt32] {
        Runs.flag(piece, base, into: &flags)
        let count = Runs.flagged(flags.span, of: piece.count) ?? 0
        // Nothing is dropped of most pieces of a fine-tune: then there is nothing to copy.
        if count == piece.count { return sort(piece, base, layout, &values, into: &grouped) }
        var taken = changed.mutableSpan._consumingExtracting(0..<count)
        Runs.take(piece, flags.span, into: &taken)
        var takenBase = changedBase.mutableSpan._consumingExtracting(0..<count)
        Runs.take(base, flags.span, into: &takenBase)
        return sort(taken.span, takenBase.span, layout, &values, into: &grouped)
    }

    private static func sort(
        _ piece: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, _ values: inout [UInt8],
        into grouped: inout [UInt8]
    ) -> [UInt32] {
        var differences = values.mutableSpan._consumingExtracting(0..<piece.count)
        Deltas.difference(piece, base, width: layout.width, areFloats: true, into: &differences)
        let counts = Groups.counts(of: base, layout)
        var sorted = grouped.mutableSpan._consumingExtracting(0..<piece.count)
        Groups.scatter(differences.span, base, layout, counts: counts, into: &sorted)
        return counts.all
    }

    /// A group's packing, and a low estimate of how few bytes its codes may become.
    private func packing(of range: Range<Int>, _ width: Int) -> (Packing, least: Int) {
        let values = grouped.span.extracting(range)
        let count = Double(range.count / width)
        let large = Codes.large(values, width: width)
        if large.ones == 0 { return (.zeros, 0) }
        // Of each that is not zero: how far it is from the next one, and its sign.
        let apart = range.count / width / large.ones
        let sparse = large.ones * (Int.bitWidth - apart.leadingZeroBitCount + 1) / 8
        if Double(large.threes) <= count * GroupedDelta.escapingShare.codesOf2 { return (.codes(bits: 2), sparse) }
        if Double(large.fifteens) <= count * GroupedDelta.escapingShare.codesOf4 { return (.codes(bits: 4), sparse) }
        // The fewest low bits with which few escape: the more there are, the fewer do.
        var candidates = 0..<8 * (width - 1)
        while !candidates.isEmpty {
            let low = (candidates.lowerBound + candidates.upperBound) / 2
            let escaping = Codes.longer(than: low + 8, values, width: width)
            if Double(escaping) <= count * GroupedDelta.escapingBytesShare {
                candidates = candidates.lowerBound..<low
            } else {
                candidates = low + 1..<candidates.upperBound
            }
        }
        return (.bytes(low: candidates.lowerBound), range.count / width)
    }

    /// Packs a group and appends its low bits and escapes; returns how many of its values escaped.
    private static func pack(
        _ grouped: [UInt8], _ range: Range<Int>, _ packing: Packing, _ width: Int,
        into codes: inout MutableSpan<UInt8>,
        _ bits: inout [UInt8], at bit: Int, _ escapes: inout [UInt8], at escape: Int
    ) -> Int {
        let room = escapes.count
        let group = grouped.span.extracting(range)
        var rest = escapes.mutableSpan._consumingExtracting(escape..<room)
        switch packing {
        case .zeros: return 0
        case .codes(let bits):
            return Codes.pack(group, width: width, bits: bits, into: &codes, escapes: &rest)
        case .bytes(let low):
            let size = packing.sizes(of: group.count / width).bits
            var lowBits = bits.mutableSpan._consumingExtracting(bit..<bit + size)
            return Codes.packBytes(group, width: width, low: low, into: &codes, bits: &lowBits, escapes: &rest)
        }
    }
}
