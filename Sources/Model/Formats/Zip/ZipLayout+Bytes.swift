extension ZipLayout {
    /// The header before a member's bytes. The checksum is nil if it follows them.
    public func header(of index: Int, sum: UInt32?) -> [UInt8] {
        let (member, place) = (members[index], places[index])
        let isLong = ZipLayout.isLong(member)
        let isAfter = isDescribedAfter(member)
        let size = isLong ? UInt32.max : isAfter ? 0 : UInt32(truncatingIfNeeded: member.size)
        var bytes: [UInt8] = []
        bytes.append(littleEndian: 0x0403_4b50 as UInt32)
        appendCommon(member, sum: isAfter ? 0 : sum ?? 0, size: size, to: &bytes)
        let extra = Int(place.data - place.header) - 30 - member.name.utf8.count
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: extra))
        bytes += member.name.utf8
        var filler = extra
        if isLong {
            bytes.append(littleEndian: 1 as UInt16)
            bytes.append(littleEndian: 16 as UInt16)
            for _ in 0..<2 { bytes.append(littleEndian: member.size) }
            filler -= 20
        }
        if filler > 0 {
            // As torch's own writer calls it.
            bytes += "FB".utf8
            bytes.append(littleEndian: UInt16(truncatingIfNeeded: filler - 4))
            bytes += [UInt8](repeating: UInt8(ascii: "Z"), count: filler - 4)
        }
        return bytes
    }

    /// The descriptor after a member's bytes: empty, or the checksum.
    public func descriptor(of index: Int, sum: UInt32) -> [UInt8] {
        let member = members[index]
        guard isDescribedAfter(member) else { return [] }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: 0x0807_4b50 as UInt32)
        bytes.append(littleEndian: sum)
        for _ in 0..<2 {
            if ZipLayout.isLong(member) {
                bytes.append(littleEndian: member.size)
            } else {
                bytes.append(littleEndian: UInt32(truncatingIfNeeded: member.size))
            }
        }
        return bytes
    }

    /// Everything after the last member, with a checksum for each.
    public func directory(sums: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, member) in members.enumerated() {
            appendEntry(member, places[index].header, sums[index], to: &bytes)
        }
        let count = UInt64(members.count)
        let length = UInt64(bytes.count)
        bytes.append(littleEndian: 0x0606_4b50 as UInt32)
        bytes.append(littleEndian: 44 as UInt64)
        bytes.append(littleEndian: ZipLayout.madeBy)
        bytes.append(littleEndian: ZipLayout.neededVersion)
        bytes.append(littleEndian: 0 as UInt64)
        for number in [count, count, length, directoryStart] { bytes.append(littleEndian: number) }
        bytes.append(littleEndian: 0x0706_4b50 as UInt32)
        bytes.append(littleEndian: 0 as UInt32)
        bytes.append(littleEndian: directoryStart + length)
        bytes.append(littleEndian: 1 as UInt32)
        bytes.append(littleEndian: 0x0605_4b50 as UInt32)
        bytes.append(littleEndian: 0 as UInt32)
        for _ in 0..<2 { bytes.append(littleEndian: UInt16(truncatingIfNeeded: min(count, 0xffff))) }
        for number in [length, directoryStart] {
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: min(number, ZipLayout.elsewhere)))
        }
        bytes.append(littleEndian: 0 as UInt16)
        return bytes
    }

    private func appendEntry(_ member: Member, _ header: UInt64, _ sum: UInt32, to bytes: inout [UInt8]) {
        var extra: [UInt8] = []
        if ZipLayout.isLong(member) { for _ in 0..<2 { extra.append(littleEndian: member.size) } }
        if header >= ZipLayout.elsewhere { extra.append(littleEndian: header) }
        bytes.append(littleEndian: 0x0201_4b50 as UInt32)
        bytes.append(littleEndian: ZipLayout.madeBy)
        appendCommon(
            member, sum: sum, size: UInt32(truncatingIfNeeded: min(member.size, ZipLayout.elsewhere)), to: &bytes)
        bytes.append(littleEndian: UInt16(extra.isEmpty ? 0 : 4 + extra.count))
        for _ in 0..<3 { bytes.append(littleEndian: 0 as UInt16) }
        // A plain file that its owner may write and others read.
        bytes.append(littleEndian: 0o100644 << 16 as UInt32)
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: min(header, ZipLayout.elsewhere)))
        bytes += member.name.utf8
        guard !extra.isEmpty else { return }
        bytes.append(littleEndian: 1 as UInt16)
        bytes.append(littleEndian: UInt16(extra.count))
        bytes += extra
    }

    /// The fields that local headers and the directory share, up to the length of the name.
    private func appendCommon(_ member: Member, sum: UInt32, size: UInt32, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: ZipLayout.neededVersion)
        // UTF-8, and where checksums are.
        bytes.append(littleEndian: isDescribedAfter(member) ? 0x0808 : 0x0800 as UInt16)
        bytes.append(littleEndian: 0 as UInt16)
        bytes.append(littleEndian: 0 as UInt16)
        // The first day that zip knows: the same model is the same bytes whenever it is written.
        bytes.append(littleEndian: 0x0021 as UInt16)
        bytes.append(littleEndian: sum)
        bytes.append(littleEndian: size)
        bytes.append(littleEndian: size)
        bytes.append(littleEndian: UInt16(truncatingIfNeeded: member.name.utf8.count))
    }

    private static var neededVersion: UInt16 { 45 }

    /// Unix: a program that unpacks it gives files the usual rights.
    private static var madeBy: UInt16 { 3 << 8 | 45 }

    /// The place of the last member's header, from the end of an archive in this layout. Nil if it is another layout,
    /// or the member has another name.
    public static func lastHeader(in end: Span<UInt8>, named name: String) -> UInt64? {
        let wanted = Array(name.utf8)
        guard end.count >= endSize, end.littleEndian(UInt32.self, at: end.count - endSize) == 0x0606_4b50 else {
            return nil
        }
        // Beyond four gigabytes its place is in an extra field.
        for extra in [0, 12] {
            let start = end.count - endSize - 46 - wanted.count - extra
            guard start >= 0, end.littleEndian(UInt32.self, at: start) == 0x0201_4b50,
                Int(end.littleEndian(UInt16.self, at: start + 28)) == wanted.count,
                Int(end.littleEndian(UInt16.self, at: start + 30)) == extra,
                wanted.indices.allSatisfy({ end[start + 46 + $0] == wanted[$0] })
            else { continue }
            let place = UInt64(end.littleEndian(UInt32.self, at: start + 42))
            guard extra > 0 else { return place }
            return place == elsewhere
                ? end.littleEndian(UInt64.self, at: start + 46 + wanted.count + 4) : nil
        }
        return nil
    }

    /// The first member of a file: its name, and where its bytes are. Nil if the file does not begin with a header of
    /// this layout.
    public static func firstMember(of bytes: Span<UInt8>) -> (name: String, data: UInt64, size: UInt64)? {
        guard bytes.count >= 30, bytes.littleEndian(UInt32.self, at: 0) == 0x0403_4b50,
            bytes.littleEndian(UInt16.self, at: 6) == 0x0800, bytes.littleEndian(UInt16.self, at: 8) == 0
        else { return nil }
        let size = bytes.littleEndian(UInt32.self, at: 22)
        let (name, extra) = (
            Int(bytes.littleEndian(UInt16.self, at: 26)), Int(bytes.littleEndian(UInt16.self, at: 28))
        )
        guard bytes.count >= 30 + name, let text = String(copying: bytes.extracting(30..<30 + name)) else { return nil }
        return (text, UInt64(30 + name + extra), UInt64(size))
    }
}
