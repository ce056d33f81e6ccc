import Platform
import Support
import Testing

@Suite struct `Kernels for deltas` {
    static func filled(_ count: Int, _ body: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xaa, count: count)
        var span = bytes.mutableSpan
        body(&span)
        return bytes
    }

    @Test func `count floats in their order, across zero`() {
        func difference(_ plain: UInt16, _ base: UInt16) -> [UInt8] {
            let (one, other) = (bytes(of: [plain]), bytes(of: [base]))
            return Self.filled(2) {
                Deltas.difference(one.span, other.span, width: 2, areFloats: true, into: &$0)
            }
        }
        // 1.0 and its neighbours in bf16; the least numbers on both sides of zero; the two zeros.
        #expect(difference(0x3f80, 0x3f80) == [0, 0])
        #expect(difference(0x3f81, 0x3f80) == [2, 0] && difference(0x3f7f, 0x3f80) == [1, 0])
        #expect(difference(0xbf81, 0xbf80) == [1, 0])
        #expect(difference(0x0000, 0x8000) == [2, 0] && difference(0x8001, 0x0001) == [5, 0])
        #expect(difference(0x7fff, 0xffff) == [1, 0], "from one end around to the other")
    }

    @Test(arguments: [1, 2, 4, 8], [false, true])
    func `give back every element, and the same bytes with every instruction set`(width: Int, areFloats: Bool) {
        let seed = SeededNumbers.freshSeed()
        for count in Array(0..<40) + [1000, 4097] {
            let plain = seededBytes(count * width, seed: seed)
            let base = seededBytes(count * width, seed: seed + (count % 3 == 0 ? 0 : 1))
            let values = Self.filled(plain.count) {
                Deltas.difference(
                    plain.span, base.span, width: width, areFloats: areFloats, into: &$0, with: .portable)
            }
            for set in InstructionSet.available {
                let again = Self.filled(plain.count) {
                    Deltas.difference(plain.span, base.span, width: width, areFloats: areFloats, into: &$0, with: set)
                }
                let back = Self.filled(plain.count) {
                    Deltas.sum(values.span, base.span, width: width, areFloats: areFloats, into: &$0, with: set)
                }
                let xor = Self.filled(plain.count) { Deltas.xor(plain.span, base.span, into: &$0, with: set) }
                #expect(again == values && back == plain, "seed \(seed), \(count) elements, \(set)")
                #expect(xor == zip(plain, base).map { $0 ^ $1 })
            }
        }
    }

    @Test(arguments: FloatLayout.all) func `sort into groups and back`(layout: FloatLayout) {
        let seed = SeededNumbers.freshSeed()
        for count in Array(0..<40) + [1000, 4099] {
            let base = seededBytes(count * layout.width, seed: seed)
            let values = bytes(of: (0..<UInt32(count)).map { $0 }).enumerated()
                .filter { $0.offset % 4 < layout.width }.map(\.element)
            let counts = Groups.counts(of: base.span, layout)
            #expect(counts.all.reduce(0) { $0 + Int($1) } == count)
            let grouped = Self.filled(values.count) {
                Groups.scatter(values.span, base.span, layout, counts: counts, into: &$0)
            }
            let back = Self.filled(values.count) {
                Groups.gather(grouped.span, base.span, layout, counts: counts, into: &$0)
            }
            #expect(back == values, "seed \(seed), \(count) elements")
            // The order that the page of formats says: by exponents, and in a group as the elements are.
            let exponents = (0..<count).map { element in
                var bits: UInt64 = 0
                for byte in 0..<layout.width {
                    bits |= UInt64(base[element * layout.width + byte]) << UInt64(8 * byte)
                }
                return Int(bits >> UInt64(layout.fraction)) % layout.groups
            }
            let order = (0..<count).sorted { (exponents[$0], $0) < (exponents[$1], $1) }
            let expected = order.flatMap { values[($0 * layout.width)..<(($0 + 1) * layout.width)] }
            #expect(grouped == expected, "seed \(seed), \(count) elements")
        }
    }

    /// Small values, mostly: now and then one of any size.
    static func values(_ count: Int, width: Int, below: UInt64, seed: UInt64) -> [UInt8] {
        var numbers = SeededNumbers(seed: seed)
        return (0..<count).flatMap { _ -> [UInt8] in
            let value = numbers.next() % 20 == 0 ? numbers.next() : numbers.next() % below
            return (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
    }

    @Test(arguments: [2, 4]) func `count values from a threshold on, with every instruction set`(width: Int) {
        let seed = SeededNumbers.freshSeed()
        // More than a narrow counter holds, too.
        for count in [0, 1, 15, 33, 1000, 70_001] {
            let bytes = Self.values(count, width: width, below: 40, seed: seed)
            let values = (0..<count).map { element in
                (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[element * width + $1]) << UInt64(8 * $1) }
            }
            for set in InstructionSet.available {
                for bits in 0..<8 * width {
                    #expect(
                        Codes.longer(than: bits, bytes.span, width: width, with: set)
                            == values.count { $0 >> UInt64(bits) != 0 },
                        "seed \(seed), \(count) values, \(bits) bits, \(set)")
                }
                let large = Codes.large(bytes.span, width: width, with: set)
                #expect(
                    [large.ones, large.threes, large.fifteens]
                        == [1, 3, 15].map { least in values.count { $0 >= least } },
                    "seed \(seed), \(count) values, \(set)")
            }
        }
    }

    @Test(arguments: [2, 4], [2, 4, 8]) func `pack values and unpack them`(width: Int, bits: Int) {
        let seed = SeededNumbers.freshSeed()
        for count in Array(0..<70) + [1000, 1023] {
            for low in bits == 8 ? Array(0...8 * (width - 1)) : [0] {
                let values = Self.values(count, width: width, below: 1 << UInt64(bits + low), seed: seed)
                var found: [[UInt8]] = []
                for set in InstructionSet.available {
                    let what: Comment = "seed \(seed), \(count) values, \(low) low bits, \(set)"
                    var escapes = [UInt8](repeating: 0, count: values.count)
                    var lowBits = [UInt8](repeating: 0, count: Codes.size(of: count, bits: low))
                    var escaped = 0
                    let codes = Self.filled(Codes.size(of: count, bits: bits)) { room in
                        var rest = escapes.mutableSpan
                        var lows = lowBits.mutableSpan
                        escaped =
                            bits < 8
                            ? Codes.pack(values.span, width: width, bits: bits, into: &room, escapes: &rest, with: set)
                            : Codes.packBytes(
                                values.span, width: width, low: low, into: &room, bits: &lows, escapes: &rest, with: set
                            )
                    }
                    found.append(codes + lowBits + escapes)
                    for missing in [0, 1] where escaped >= missing {
                        let there = Array(escapes.prefix((escaped - missing) * width))
                        var taken: Int?
                        let back = Self.filled(values.count) { room in
                            taken =
                                bits < 8
                                ? Codes.unpack(
                                    codes.span, width: width, bits: bits, escapes: there.span, into: &room, with: set)
                                : Codes.unpackBytes(
                                    codes.span, bits: lowBits.span, width: width, low: low, escapes: there.span,
                                    into: &room, with: set)
                        }
                        #expect(taken == (missing == 0 ? escaped : nil), what)
                        if missing == 0 { #expect(back == values, what) }
                    }
                }
                #expect(Set(found).count == 1)
            }
        }
    }

    @Test func `take what differs and put it back`() {
        let seed = SeededNumbers.freshSeed()
        for count in [0, 1, 255, 256, 257, 2047, 2048, 2049, 5000] {
            let base = seededBytes(count, seed: seed)
            var plain = base
            for index in plain.indices where index / 300 % 3 == 1 { plain[index] ^= UInt8(index % 2) }
            let flags = Self.filled(Runs.flagBytes(for: count)) { Runs.flag(plain.span, base.span, into: &$0) }
            let flagged = Runs.flagged(flags.span, of: count) ?? -1
            let taken = Self.filled(flagged) { Runs.take(plain.span, flags.span, into: &$0) }
            var back = base
            var span = back.mutableSpan
            Runs.put(taken.span, flags.span, into: &span)
            #expect(back == plain)
            if plain == base { #expect(flagged == 0) }
            if !flags.isEmpty, (count + 255) / 256 % 8 != 0 {
                let wrong = flags.dropLast() + [flags[flags.count - 1] | 0x80]
                #expect(Runs.flagged(Array(wrong).span, of: count) == nil)
            }
        }
    }
}
