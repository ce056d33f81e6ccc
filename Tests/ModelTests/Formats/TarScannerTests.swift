import Model
import Support
import Testing

/// A stranger's archive, and the words by which it is refused.
private struct Trick: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: String
    let bytes: [UInt8]

    init(_ what: String, _ words: String, ends: Bool = true, _ make: (inout TarMaker) -> Void) {
        (testDescription, self.words) = (what, words)
        var maker = TarMaker()
        make(&maker)
        if ends { maker.end() }
        bytes = maker.bytes
    }
}

private let tricks: [Trick] = [
    Trick("a wrong checksum", "checksum") { $0.header("a", size: "0", checksum: 1) },
    Trick("text", "checksum", ends: false) { $0.put(Array(repeating: 0x41, count: 512)) },
    Trick("a size that is no number", "not octal") { $0.header("a", size: "12x") },
    Trick("a size with a hole", "not octal") { $0.header("a", size: "", sizeBytes: [0x31, 0, 0x31]) },
    Trick("a negative size", "negative") {
        $0.header("a", size: "", sizeBytes: Array(repeating: 0xff, count: 12))
    },
    Trick("a size of 2^60", "too large") {
        $0.header("a", size: "", sizeBytes: [0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0])
    },
    Trick("a size of 2^88", "too large") {
        $0.header("a", size: "", sizeBytes: [0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    },
    Trick("a record with a size beyond the limit", "limit") {
        $0.pax([("size", "999999999999999999")])
        $0.add("a")
    },
    Trick("a record with a size of more than 64 bits", "no number") {
        $0.pax([("size", "99999999999999999999999")])
        $0.add("a")
    },
    Trick("a record with a signed size", "no number") {
        $0.pax([("size", "+1")])
        $0.add("a", [1])
    },
    Trick("a record that gives another size than the header", "two sizes") {
        $0.pax([("size", "5")])
        $0.add("a", [1, 2, 3])
    },
    Trick("two records with a size", "second size") {
        $0.pax([("size", "3"), ("size", "3")])
        $0.add("a", [1, 2, 3])
    },
    Trick("two records with a path", "second path") {
        $0.pax([("path", "a"), ("path", "b")])
        $0.add("c")
    },
    Trick("a path of no bytes", "no valid path") {
        $0.pax([("path", "")])
        $0.add("c")
    },
    Trick("a path with a zero", "no valid path") {
        $0.pax([("path", "a\u{0}b")])
        $0.add("c")
    },
    Trick("a record that is longer than it is", "length is wrong") {
        $0.raw("99 path=a\n", type: "x")
        $0.add("c")
    },
    Trick("a record that is shorter than it is", "length is wrong") {
        $0.raw("5 path=a\n", type: "x")
        $0.add("c")
    },
    Trick("a record without a length", "without a length") {
        $0.raw("path=a\n", type: "x")
        $0.add("c")
    },
    Trick("a record without a key", "without a key") {
        $0.raw("6 =ab\n", type: "x")
        $0.add("c")
    },
    Trick("two headers of records", "two headers of records") {
        $0.pax([("path", "a")])
        $0.pax([("path", "b")])
        $0.add("c")
    },
    Trick("records for all entries", "all of its entries") {
        $0.pax([("path", "a")], type: "g")
        $0.add("c")
    },
    Trick("records of a sparse file", "sparse") {
        $0.pax([("GNU.sparse.major", "1")])
        $0.add("c")
    },
    Trick("records of megabytes", "the limit is") { $0.header("x", size: "77777777", type: "x") },
    Trick("records without an entry", "ends before the entry") { $0.pax([("path", "a")]) },
    Trick("a long name of megabytes", "the limit is") { $0.header("././@LongLink", size: "77777777", type: "L") },
    Trick("a long link of megabytes", "the limit is") { $0.header("././@LongLink", size: "77777777", type: "K") },
    Trick("two long names", "two long names") {
        $0.add("././@LongLink", Array("a".utf8), type: "L")
        $0.add("././@LongLink", Array("b".utf8), type: "L")
        $0.add("c")
    },
    Trick("a long name of no bytes", "no bytes") {
        $0.add("././@LongLink", [0], type: "L")
        $0.add("c")
    },
    Trick("a folder with bytes", "which is no file") { $0.add("a/", [1], type: "5") },
    Trick("a link with bytes", "which is no file") { $0.add("a", [1], type: "2") },
    Trick("a file without a name", "without a name") { $0.add("") },
    Trick("a file that is cut off", "middle of an entry", ends: false) { $0.header("a", size: "7777") },
    Trick("a header that is cut off", "middle of an entry", ends: false) {
        $0.add("a", [1])
        $0.bytes.removeLast(100)
        $0.bytes += [UInt8](repeating: 0x41, count: 100 + 7)
    },
    Trick("records that are cut off", "middle of an entry", ends: false) { $0.header("x", size: "777", type: "x") },
]

private struct Found: Equatable {
    var entries: [TarScanner.Entry] = []
    /// By entry.
    var bytes: [[UInt8]] = []
}

private func scan(_ bytes: [UInt8], step: Int = .max) throws(CakeError) -> Found {
    var scanner = TarScanner()
    var found = Found()
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + min(step, bytes.count))
        let part = Array(bytes[start..<end])
        let input = part.span
        var position = 0
        while let event = try scanner.next(in: input, from: &position) {
            switch event {
            case .entry(let entry):
                found.entries.append(entry)
                found.bytes.append([])
            case .bytes(let range):
                for index in range { found.bytes[found.bytes.count - 1].append(input[index]) }
            case .endOfFile: break
            }
        }
        start = end
    }
    try scanner.finish()
    return found
}

@Suite struct `A tar archive of a stranger` {
    @Test(arguments: tricks) fileprivate func `is refused in words for each trick`(_ trick: Trick) throws {
        for step in [Int.max, 512, 100, 1] {
            do {
                let found = try scan(trick.bytes, step: step)
                Issue.record("it was read as \(found.entries)")
            } catch {
                #expect(error.what.contains(trick.words), "\(error.what)")
            }
        }
    }

    @Test func `is the same in pieces of any length`() throws {
        var maker = TarMaker()
        maker.add("models/", type: "5")
        maker.add("models/a", Array(repeating: 7, count: 1500))
        maker.add("././@LongLink", Array(String(repeating: "n", count: 300).utf8) + [0], type: "L")
        maker.add("n", Array(repeating: 8, count: 512))
        maker.pax([("comment", "x")], type: "g")
        maker.pax([("mtime", "1.5"), ("path", "models/ü"), ("size", "3")])
        maker.header("short", size: "0")
        maker.put([1, 2, 3])
        maker.add("empty")
        maker.end()
        let whole = try scan(maker.bytes)
        let names = whole.entries.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(names == ["models/", "models/a", String(repeating: "n", count: 300), "models/ü", "empty"])
        #expect(whole.entries.map(\.size) == [0, 1500, 512, 3, 0])
        #expect(whole.bytes.map(\.count) == [0, 1500, 512, 3, 0])
        for step in [1, 7, 511, 512, 513, 4096] { #expect(try scan(maker.bytes, step: step) == whole) }
    }

    @Test func `is read when its size is in bytes of GNU, and with a prefix`() throws {
        var maker = TarMaker()
        maker.header("a", size: "", sizeBytes: [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
        maker.put([1, 2])
        maker.header("b", size: "0", prefix: "models/sub")
        maker.end()
        let found = try scan(maker.bytes)
        #expect(found.entries.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "models/sub/b"])
        #expect(found.bytes == [[1, 2], []])
    }

    @Test func `may end without zeros, and what follows them is no part of it`() throws {
        var maker = TarMaker()
        maker.add("a", [1])
        #expect(try scan(maker.bytes).entries.count == 1)
        maker.end()
        maker.add("b", [2])
        #expect(try scan(maker.bytes).entries.count == 1)
    }

    @Test func `that cake writes is read again`() throws {
        let long = String(repeating: "d/", count: 80) + "x"
        var bytes: [UInt8] = []
        for path in ["a", long] {
            bytes += TarHeader.of(try FilePath(path), size: 3) + [1, 2, 3] + TarHeader.padding(3)
        }
        let found = try scan(bytes + TarHeader.end)
        #expect(found.entries.map { String(decoding: $0.name, as: UTF8.self) } == ["a", long])
        #expect(found.bytes == [[1, 2, 3], [1, 2, 3]])
        var scanner = TarScanner()
        var position = 0
        let head = TarHeader.of(try FilePath("big"), size: 9 << 30)
        let entry = try scanner.next(in: head.span, from: &position)
        #expect(entry == .entry(.init(name: Array("big".utf8), kind: .file, size: 9 << 30)))
    }

    @Test func `has an end to its entries`() throws {
        var maker = TarMaker()
        for _ in 0..<5 { maker.add("a") }
        for most in [4, 5] {
            var scanner = TarScanner(maximumEntries: most)
            var position = 0
            var count = 0
            do {
                while let event = try scanner.next(in: maker.bytes.span, from: &position) {
                    if case .entry = event { count += 1 }
                }
                #expect(most == 5)
            } catch {
                #expect(most == 4 && error.what.contains("more than 4 entries"))
            }
            #expect(count == most)
        }
    }
}
