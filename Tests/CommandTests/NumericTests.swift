import Foundation
import Model
import Testing

@Suite struct `The difference of numbers` {
    private func compare16(_ a: [UInt16], _ b: [UInt16], _ dtype: DType) -> NumericDifference {
        var result = NumericDifference()
        result.compare(a.span, b.span, as: dtype)
        return result
    }

    private func compare32(_ a: [Float], _ b: [Float]) -> NumericDifference {
        let (a, b) = (a.map(\.bitPattern), b.map(\.bitPattern))
        var result = NumericDifference()
        result.compare(a.span, b.span, as: .f32)
        return result
    }

    @Test(arguments: 0...13) func `is right for every length`(count: Int) {
        let a = (0..<count).map { Float($0) }
        let b = a.map { $0 * 1.5 }
        let found = compare32(a, b)
        #expect(found.elements == UInt64(count))
        #expect(found.changed == UInt64(max(0, count - 1)))
        #expect(found.largest == Double(max(0, count - 1)) / 2)
        #expect(found.mean == (count == 0 ? nil : Double(count - 1) / 4))
        #expect(found.leftOut == 0)
    }

    @Test func `counts what is no number as changed when its bits are, and leaves it out of the rest`() {
        let (nan, other) = (Float(bitPattern: 0x7fc0_0000), Float(bitPattern: 0x7fc0_0001))
        for count in [5, 8] {
            let padding = [Float](repeating: 1, count: count - 5)
            let found = compare32(
                [nan, nan, .infinity, .infinity, 1] + padding, [nan, other, .infinity, 2, 1.5] + padding)
            #expect(found.changed == 3 && found.leftOut == 2 && found.largest == 0.5)
            #expect(found.mean == 0.5 / Double(count - 2))
        }
        #expect(compare32([0], [-0.0]).changed == 1)
        #expect(compare32([.nan], [1]).mean == nil)
    }

    @Test func `reads every half-precision number as the machine does`() {
        for bits in UInt16.min...UInt16.max {
            let value = Double(Float16(bitPattern: bits))
            let found = compare16([0], [bits], .f16)
            if value.isFinite {
                #expect(found.largest == value.magnitude && found.leftOut == 0)
            } else {
                #expect(found.leftOut == 1)
            }
        }
        #expect(compare16([0xc000], [0x4000], .f16).largest == 4)
        #expect(compare16([0xbf80], [0x3f80], .bf16).largest == 2)
        #expect(compare16([0xffff], [1], .i16).largest == 2)
        #expect(compare16([0xffff], [1], .u16).largest == 65_534)
    }

    @Test(
        arguments: [
            (.f8e4m3, 0x7e, 448), (.f8e4m3, 0x01, 0x1p-9), (.f8e5m2, 0x7b, 57_344), (.f8e5m2, 0x01, 0x1p-16),
            (.f8e4m3fnuz, 0x7f, 240), (.f8e5m2fnuz, 0x7f, 57_344), (.i8, 0x80, 128), (.u8, 0xff, 255), (.bool, 1, 1),
        ] as [(DType, UInt8, Double)])
    func `knows the numbers of one byte`(dtype: DType, bits: UInt8, value: Double) {
        var found = NumericDifference()
        found.compare([0].span, [bits].span, as: dtype)
        #expect(found.largest == value)
    }

    @Test(
        arguments: [(DType.f8e4m3, 0x7f), (.f8e5m2, 0x7c), (.f8e8m0, 0xff), (.f8e4m3fnuz, 0x80), (.f8e5m2fnuz, 0x80)]
            as [(DType, UInt8)])
    func `knows which of one byte are none`(dtype: DType, bits: UInt8) {
        var found = NumericDifference()
        found.compare([0x30].span, [bits].span, as: dtype)
        #expect(found.leftOut == 1)
    }

    @Test func `adds up from pieces`() {
        let (a, b) = ((0..<100).map { Float($0) }, (0..<100).map { Float($0 * $0) })
        var sum = NumericDifference()
        for start in stride(from: 0, to: 100, by: 7) {
            let end = min(100, start + 7)
            sum.add(compare32(Array(a[start..<end]), Array(b[start..<end])))
        }
        #expect(sum == compare32(a, b))
    }
}
