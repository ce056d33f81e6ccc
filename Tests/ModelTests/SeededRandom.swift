/// The same numbers on every run, so that what fails once fails again.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A few bytes changed, doubled, taken out, or the rest cut off.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let telling = Array("/@:%?#<>[]{}\",;=.*-0129azAZ\\ \u{0}\n\u{7f}é".utf8)
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            guard !bytes.isEmpty else { return bytes }
            let index = Int.random(in: 0..<bytes.count, using: &self)
            let byte = telling.randomElement(using: &self) ?? 0
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes[index] = byte
            case 1: bytes.insert(byte, at: index)
            case 2: bytes.remove(at: index)
            case 3: bytes.insert(contentsOf: bytes[index...].prefix(8), at: index)
            case 4: bytes[index] = UInt8.random(in: 0...255, using: &self)
            default: bytes.removeSubrange(index..<min(bytes.count, index + 16))
            }
        }
        return bytes
    }
}
