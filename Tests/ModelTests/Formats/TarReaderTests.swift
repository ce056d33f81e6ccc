import Model
import Testing

@Suite struct `A tar's headers` {
    private func read(_ bytes: [UInt8]) throws -> [TarReader.Step] {
        var reader = TarReader()
        var steps: [TarReader.Step] = []
        var place = 0
        while place < bytes.count {
            let block = Array(bytes[place..<place + TarReader.blockSize])
            let step = try reader.step(block.span)
            steps.append(step)
            place += TarReader.blockSize
            if case .records(let length) = step {
                let records = Array(bytes[place..<place + Int(length)])
                try reader.take(records.span)
                place += Int(TarReader.padded(length))
            }
        }
        return steps
    }

    @Test func `are read as they were written, also where one block is too small`() throws {
        let rows: [(path: String, size: UInt64, blocks: Int)] = [
            ("index.json", 0, 1), ("blobs/sha256/a", 8_589_934_591, 1), ("b", 8_589_934_592, 3),
            (String(repeating: "d/", count: 60) + "ü", 5, 3), (String(repeating: "e/", count: 60) + "f", 1 << 48, 3),
        ]
        for (path, size, blocks) in rows {
            let header = TarHeader.of(try FilePath(path), size: size)
            #expect(header.count == blocks * TarReader.blockSize)
            guard case .member(let member) = try read(header).last else { throw CakeError(.failed, "no member") }
            #expect(member == TarMember(path: try FilePath(path), kind: .file, size: size))
        }
    }

    @Test func `with sizes of GNU's form are read, and refused beyond the limit`() throws {
        func header(_ size: UInt64) throws -> [UInt8] {
            var block = Array(TarHeader.of(try FilePath("x"), size: 0))
            for index in 0..<12 {
                block[124 + index] = index < 4 ? 0 : UInt8(truncatingIfNeeded: size >> UInt64(8 * (11 - index)))
            }
            block[124] = 0x80
            for index in 148..<156 { block[index] = 0x20 }
            let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
            for (index, byte) in (String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8.enumerated() {
                block[148 + index] = byte
            }
            return block
        }
        guard case .member(let member) = try read(header(9 << 30)).last else { throw CakeError(.failed, "no member") }
        #expect(member.size == 9 << 30 && member.paddedSize == 9 << 30)
        #expect(throws: CakeError.self) { try read(header(1 << 48 + 1)) }
        #expect(throws: CakeError.self) { try read(header(.max)) }
        var wrong = try header(5)
        wrong[0] ^= 1
        #expect(throws: CakeError.self) { try read(wrong) }
    }
}
