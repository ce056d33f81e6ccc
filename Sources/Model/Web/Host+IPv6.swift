extension Host {
    /// The eight groups of an IPv6 address, its brackets taken off. Zones are refused: they mean something here only.
    static func groups(_ text: [UInt8]) -> [UInt16]? {
        guard text.count <= 45 else { return nil }
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            guard let groups = list(text[...], mayEndInAddress: true), groups.count == 8 else { return nil }
            return groups
        }
        let (before, after) = (text[..<gap], text[(gap + 2)...])
        guard let left = before.isEmpty ? [] : list(before, mayEndInAddress: false),
            let right = after.isEmpty ? [] : list(after, mayEndInAddress: true), left.count + right.count <= 7
        else { return nil }
        return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
    }

    private static func list(_ text: ArraySlice<UInt8>, mayEndInAddress: Bool) -> [UInt16]? {
        var groups: [UInt16] = []
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInAddress, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let address = address(Array(part)) else { return nil }
                groups += [UInt16(truncatingIfNeeded: address >> 16), UInt16(truncatingIfNeeded: address)]
                continue
            }
            guard (1...4).contains(part.count) else { return nil }
            var group: UInt16 = 0
            for digit in part {
                guard let value = PercentText.hexValue(digit) else { return nil }
                group = group << 4 | UInt16(value)
            }
            groups.append(group)
        }
        return groups.count <= 8 ? groups : nil
    }

    /// Addresses that carry an IPv4 address reach as far as that one.
    static func reach(of groups: [UInt16]) -> Reach {
        func carried(_ index: Int) -> Reach { reach(of: UInt32(groups[index]) << 16 | UInt32(groups[index + 1])) }
        let leadingZeros = groups.prefix { $0 == 0 }.count
        if leadingZeros >= 6 { return groups[6] == 0 && groups[7] <= 1 ? .machine : carried(6) }
        if leadingZeros == 5, groups[5] == 0xffff { return carried(6) }
        if leadingZeros == 4, groups[4] == 0xffff, groups[5] == 0 { return carried(6) }
        switch groups[0] {
        case 0x0064 where groups[1] == 0xff9b: return groups[2...5].allSatisfy { $0 == 0 } ? carried(6) : .network
        case 0x2002: return carried(1)
        case 0xfe80...0xfebf, 0xff00...0xffff: return .link
        case 0xfc00...0xfdff, 0xfec0...0xfeff: return .network
        default: return .world
        }
    }
}
