/// Changes that numbers of strangers suffer, more often than chance would have it.
enum Mutation {
    static let numbers: [UInt64] = [
        0, 1, 1 << 31, 1 << 32, 1 << 47, 1 << 48, (1 << 48) + 1, 1 << 56, 1 << 62, 1 << 63, (1 << 63) - 1, .max,
        .max - 1,
    ]

    static func change(_ bytes: inout [UInt8], using random: inout some RandomNumberGenerator) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: bytes.indices, using: &random)
        let number = numbers.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2, 3:
            // At a multiple of four, as lengths lie.
            let start = place & ~3
            for index in 0..<8 where start + index < bytes.count {
                bytes[start + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
            }
        case 4, 5:
            guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
            let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
            bytes.replaceSubrange(start..<end, with: Array("\(number)".utf8))
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &random)))
        default:
            let end = min(bytes.count, place + Int.random(in: 1...200, using: &random))
            bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
