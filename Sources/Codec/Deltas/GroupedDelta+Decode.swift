internal import Model
internal import Platform

extension GroupedDelta {
    /// The error for any wrong byte in a delta.
    private static var senseless: CakeError { CakeError(.damaged, "a delta that is not valid") }

    /// A group as its mode and the base's exponents have it.
    private struct Group {
        let packing: Packing
        /// In the grouped values.
        let range: Range<Int>
    }

    /// Makes the plain piece from a rewritten one and the base's piece, which is as long as the plain one.
    mutating func decode(
        _ rewritten: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, filling room: inout MutableSpan<UInt8>
    ) throws(CakeError) {
        let (width, whole) = (layout.width, room.count / layout.width * layout.width)
        let flagBytes = Runs.flagBytes(for: whole)
        guard base.count == room.count, rewritten.count >= flagBytes else { throw GroupedDelta.senseless }
        makeRoom(for: whole)
        let flags = rewritten.extracting(0..<flagBytes)
        guard let count = Runs.flagged(flags, of: whole) else { throw GroupedDelta.senseless }
        let elements = base.extracting(0..<whole)
        if count == whole {
            let counts = Groups.counts(of: elements, layout)
            try unpack(rewritten, after: flagBytes, counts.all, width, tail: room.count - whole)
            var target = room._mutatingExtracting(0..<whole)
            GroupedDelta.add(grouped, elements, layout, counts, &values, into: &target)
        } else {
            let counts = GroupedDelta.counts(elements, flags, count, layout, &changedBase)
            try unpack(rewritten, after: flagBytes, counts.all, width, tail: room.count - whole)
            GroupedDelta.add(grouped, changedBase, count, layout, counts, &values, into: &changed)
            room.copy(elements)
            var target = room._mutatingExtracting(0..<whole)
            Runs.put(changed.span.extracting(0..<count), flags, into: &target)
        }
        room.copy(rewritten.extracting(rewritten.count - (room.count - whole)..<rewritten.count), at: whole)
    }

    /// Leaves the base's elements that are not dropped in `taken`; counts those of each exponent.
    private static func counts(
        _ base: Span<UInt8>, _ flags: Span<UInt8>, _ count: Int, _ layout: FloatLayout, _ taken: inout [UInt8]
    ) -> Groups.Counts {
        var span = taken.mutableSpan._consumingExtracting(0..<count)
        Runs.take(base, flags, into: &span)
        return Groups.counts(of: span.span, layout)
    }

    private static func add(
        _ grouped: [UInt8], _ base: [UInt8], _ count: Int, _ layout: FloatLayout, _ counts: Groups.Counts,
        _ values: inout [UInt8], into plain: inout [UInt8]
    ) {
        var target = plain.mutableSpan._consumingExtracting(0..<count)
        add(grouped, base.span.extracting(0..<count), layout, counts, &values, into: &target)
    }

    private static func add(
        _ grouped: [UInt8], _ base: Span<UInt8>, _ layout: FloatLayout, _ counts: Groups.Counts,
        _ values: inout [UInt8], into plain: inout MutableSpan<UInt8>
    ) {
        var ordered = values.mutableSpan._consumingExtracting(0..<base.count)
        Groups.gather(grouped.span.extracting(0..<base.count), base, layout, counts: counts, into: &ordered)
        Deltas.sum(ordered.span, base, width: layout.width, areFloats: true, into: &plain)
    }

    /// Fills `grouped` from modes, codes, escapes and bits, which have to be there in full and leave nothing over but the tail.
    private mutating func unpack(
        _ rewritten: Span<UInt8>, after flagBytes: Int, _ counts: [UInt32], _ width: Int, tail: Int
    ) throws(CakeError) {
        var groups: [Group] = []
        var (codesSize, bitsSize, start) = (0, 0, 0)
        var codesStart = flagBytes
        for count in counts where count > 0 {
            guard codesStart < rewritten.count,
                let packing = Packing(mode: rewritten[codesStart], width: width)
            else { throw GroupedDelta.senseless }
            let end = start + Int(count) * width
            let sizes = packing.sizes(of: Int(count))
            groups.append(Group(packing: packing, range: start..<end))
            codesSize += sizes.codes
            bitsSize += sizes.bits
            codesStart += 1
            start = end
        }
        let escapesSize = rewritten.count - codesStart - codesSize - bitsSize - tail
        guard escapesSize >= 0, escapesSize % width == 0, escapesSize <= start else { throw GroupedDelta.senseless }
        let escapesStart = codesStart + codesSize
        let codes = rewritten.extracting(codesStart..<escapesStart)
        let lowBits = rewritten.extracting(escapesStart + escapesSize..<rewritten.count - tail)
        var escaped = escapes.mutableSpan._consumingExtracting(0..<escapesSize)
        Planes.merge(
            rewritten.extracting(escapesStart..<escapesStart + escapesSize), width: width, isRotated: false,
            into: &escaped)
        var (code, bit, used) = (0, 0, 0)
        for group in groups {
            let sizes = group.packing.sizes(of: group.range.count / width)
            let taken = try GroupedDelta.unpack(
                group, codes.extracting(code..<code + sizes.codes), lowBits.extracting(bit..<bit + sizes.bits),
                escapes, used * width..<escapesSize, width, into: &grouped)
            used += taken
            code += sizes.codes
            bit += sizes.bits
        }
        guard used * width == escapesSize else { throw GroupedDelta.senseless }
    }

    private static func unpack(
        _ group: Group, _ codes: Span<UInt8>, _ lowBits: Span<UInt8>, _ escapes: [UInt8], _ left: Range<Int>,
        _ width: Int,
        into grouped: inout [UInt8]
    ) throws(CakeError) -> Int {
        var values = grouped.mutableSpan._consumingExtracting(group.range)
        let escapes = escapes.span.extracting(left)
        let taken: Int?
        switch group.packing {
        case .zeros:
            values.update(repeating: 0)
            taken = 0
        case .codes(let bits):
            taken = Codes.unpack(codes, width: width, bits: bits, escapes: escapes, into: &values)
        case .bytes(let low):
            taken = Codes.unpackBytes(
                codes, bits: lowBits, width: width, low: low, escapes: escapes, into: &values)
        }
        guard let taken else { throw GroupedDelta.senseless }
        return taken
    }
}
