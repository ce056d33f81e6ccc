/// One header of a tar archive: its checksum fits, and its numbers are within bounds.
struct TarBlock {
    let name: [UInt8]
    let size: UInt64
    let type: UInt8
    /// Written as POSIX or GNU has it since 1988, and not in the form before.
    let isOfPOSIX: Bool

    /// The largest number in eleven octal digits.
    static let largestOctal: UInt64 = (1 << 33) - 1

    init(_ block: Span<UInt8>) throws(CakeError) {
        let sum = block.indices.reduce(UInt64(0)) { sum, index in
            sum + UInt64((148..<156).contains(index) ? UInt8(ascii: " ") : block[index])
        }
        let said = try? TarBlock.number(block.extracting(148..<156))
        guard said == sum else {
            throw CakeError(.damaged, "it is no tar archive, or damaged: the checksum of a header is wrong")
        }
        size = try TarBlock.number(block.extracting(124..<136))
        type = block[156]
        var name = TarBlock.text(block.extracting(0..<100))
        // GNU's own format has other fields in the place of the prefix.
        let form = TarBlock.text(block.extracting(257..<263))
        isOfPOSIX = form.starts(with: "ustar".utf8)
        if form == Array("ustar".utf8) {
            let prefix = TarBlock.text(block.extracting(345..<500))
            if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        }
        self.name = name
    }

    func kind(named name: [UInt8]) -> TarScanner.Entry.Kind {
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): name.last == UInt8(ascii: "/") ? .folder : .file
        case UInt8(ascii: "5"): .folder
        case UInt8(ascii: "1"): .other("a hard link")
        case UInt8(ascii: "2"): .other("a symbolic link")
        case UInt8(ascii: "3"), UInt8(ascii: "4"): .other("a device")
        case UInt8(ascii: "6"): .other("a named pipe")
        case UInt8(ascii: "S"): .other("a sparse file")
        default: .other("of type \(Printable.escape(String(decoding: [type], as: UTF8.self)))")
        }
    }

    /// Up to the first zero.
    private static func text(_ field: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        for index in field.indices {
            if field[index] == 0 { break }
            text.append(field[index])
        }
        return text
    }

    /// Octal digits, or GNU's bytes of a number.
    private static func number(_ field: Span<UInt8>) throws(CakeError) -> UInt64 {
        func refuse(_ why: String) -> CakeError { TarScanner.refuse("has a header whose number \(why)") }
        if field[0] & 0x80 != 0 {
            guard field[0] == 0x80 else { throw refuse("is negative or too large") }
            var value: UInt64 = 0
            for index in 1..<field.count {
                guard value <= ByteCount.maximum >> 8 else { throw refuse("is too large") }
                value = value << 8 | UInt64(field[index])
            }
            return try ByteCount.checked(value, of: "an entry of the tar archive")
        }
        var value: UInt64 = 0
        var hasEnded = false
        var hasBegun = false
        for index in field.indices {
            switch field[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "7") where !hasEnded:
                hasBegun = true
                value = value << 3 | UInt64(field[index] - UInt8(ascii: "0"))
            case 0: hasEnded = true
            case UInt8(ascii: " "): hasEnded = hasBegun
            default: throw refuse("is not octal")
            }
        }
        return value
    }
}
