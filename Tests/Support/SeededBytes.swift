/// Random numbers that come again for the same seed (SplitMix64).
public struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A seed for a property test, other than the last time; the test prints it.
    public static func freshSeed() -> UInt64 { UInt64.random(in: 0..<1_000_000) }
}

extension SeededNumbers {
    /// A few bytes changed, doubled, taken out, or the rest cut off.
    public mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
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

/// What bytes look like to a compressor.
public enum Texture: CaseIterable, Sendable {
    case constant
    case random
    /// Runs that repeat between runs that do not.
    case mixed
}

public func seededBytes(_ count: Int, seed: UInt64, _ texture: Texture = .random) -> [UInt8] {
    var numbers = SeededNumbers(seed: seed)
    switch texture {
    case .constant: return [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: count)
    case .random: return randomBytes(count, &numbers)
    case .mixed:
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            bytes += randomBytes(min(5000, count - bytes.count), &numbers)
            bytes += [UInt8](repeating: 7, count: min(9000, count - bytes.count))
        }
        return bytes
    }
}

private func randomBytes(_ count: Int, _ numbers: inout SeededNumbers) -> [UInt8] {
    Array(bytes(of: (0..<(count + 7) / 8).map { _ in numbers.next() })[..<count])
}

/// Weights as training leaves them: about normal, a few hundredths large.
public func seededWeights(_ count: Int, seed: UInt64) -> [Float] {
    var numbers = SeededNumbers(seed: seed)
    return (0..<count).map { _ in
        let word = numbers.next()
        // Four numbers of sixteen bits, added up, are near enough to normal.
        let sum = Int(word & 0xffff) + Int(word >> 16 & 0xffff) + Int(word >> 32 & 0xffff) + Int(word >> 48)
        return Float(sum - 2 * 0xffff) / 0xffff * 0.035
    }
}

/// The little-endian bytes of numbers.
public func bytes<Number: FixedWidthInteger>(of numbers: [Number]) -> [UInt8] {
    unsafe numbers.map(\.littleEndian).withUnsafeBytes { unsafe Array($0) }
}

public func bf16(_ values: [Float]) -> [UInt8] { bytes(of: values.map { UInt16($0.bitPattern >> 16) }) }

public func f32(_ values: [Float]) -> [UInt8] { bytes(of: values.map(\.bitPattern)) }
