/// Numbers that look drawn by chance and are the same every time: xoshiro256++.
struct Randomness {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    init(seed: UInt64) {
        // SplitMix64, as the authors of xoshiro ask for: neighbouring seeds give unrelated numbers.
        var state = seed
        func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed &>> 31)
        }
        (a, b, c, d) = (next(), next(), next(), next())
    }

    mutating func next() -> UInt64 {
        let sum = a &+ d
        let result = (sum &<< 23 | sum &>> 41) &+ a
        let shifted = b &<< 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = d &<< 45 | d &>> 19
        return result
    }

    /// About the bell curve of mean 0 and deviation 1: four even draws of 16 bits, added. Its tails end at 3.46.
    mutating func bell() -> Float {
        let draw = next()
        let pairs = (draw & 0x0000_ffff_0000_ffff) &+ ((draw &>> 16) & 0x0000_ffff_0000_ffff)
        let sum = Int32(truncatingIfNeeded: pairs &+ (pairs &>> 32))
        return Float(sum &- 131_070) * (1 / 37_837)
    }
}
