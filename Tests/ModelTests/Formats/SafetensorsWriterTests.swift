import Model
import Support
import Testing

@Suite struct `A safetensors header being written` {
    private func parse(_ file: [UInt8], data: UInt64) throws(CakeError) -> Safetensors.Header {
        let size = UInt64(file.count) + data
        let length = try Safetensors.headerLength(prefix: file.span.extracting(first: 8), fileSize: size)
        return try Safetensors.Header(parsing: file.span.extracting(8..<8 + length), fileSize: size)
    }

    /// What `safetensors.serialize` 0.8.0 gave for the same tensors and metadata.
    @Test func `is laid out as the reference lays it out`() throws {
        let tensors = Safetensors.referenceOrder([
            Tensor(name: "b", dtype: .f16, shape: [2, 1]), Tensor(name: "a\"\u{1}\n\u{7f}é/", dtype: .f16, shape: []),
            Tensor(name: "u", dtype: .u8, shape: [0]), Tensor(name: "z", dtype: .i64, shape: [1]),
        ])
        let bytes = try Safetensors.header(for: tensors, metadata: [.init(key: "format", value: "pt")])
        let json =
            #"{"__metadata__":{"format":"pt"},"z":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"#
            + "\"a\\\"\\u0001\\n\u{7f}é/\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[8,10]},"
            + #""b":{"dtype":"F16","shape":[2,1],"data_offsets":[10,14]},"#
            + #""u":{"dtype":"U8","shape":[0],"data_offsets":[14,14]}}"#
        #expect(String(decoding: bytes[8...], as: UTF8.self).hasPrefix(json))
        #expect(bytes.count % 8 == 0 && bytes.count - 8 - json.utf8.count < 8)
        #expect(bytes[8 + json.utf8.count..<bytes.count].allSatisfy { $0 == 0x20 })
        #expect(UInt64(bytes[0]) + UInt64(bytes[1]) << 8 == UInt64(bytes.count - 8))
        #expect(try parse(bytes, data: 14).tensors.map(\.tensor) == tensors)
    }

    @Test func `may be of no tensors`() throws {
        #expect(try Safetensors.header(for: []) == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
    }

    @Test func `orders dtypes as the reference does`() {
        let tensors = DType.allCases.map { Tensor(name: "x", dtype: $0, shape: []) }
        let order = Safetensors.referenceOrder(tensors).map(\.dtype)
        #expect(order.first == .u64)
        #expect(order.last == .bool)
        #expect(order == DType.allCases.reversed())
    }

    @Test func `refuses what no reader would take`() {
        let twice = [Tensor(name: "a", dtype: .u8, shape: []), Tensor(name: "a", dtype: .u8, shape: [])]
        #expect(throws: CakeError.self) { try Safetensors.header(for: twice) }
        #expect(throws: CakeError.self) {
            try Safetensors.header(for: [Tensor(name: "__metadata__", dtype: .u8, shape: [])])
        }
        #expect(throws: CakeError.self) { try Safetensors.header(for: [Tensor(name: "a", dtype: .f4, shape: [3])]) }
        let huge = ["a", "b"].map { Tensor(name: $0, dtype: .u8, shape: [.max]) }
        #expect(throws: CakeError.self) { try Safetensors.header(for: huge) }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `is read back as it was`(_ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let tensors = Self.tensors(&numbers)
        let notes = Set((0..<Int.random(in: 0..<4, using: &numbers)).map { _ in ExactText(numbers.text()) }).map {
            Safetensors.Header.Note(key: $0.string, value: numbers.text())
        }
        let file = try Safetensors.header(for: tensors, metadata: notes)
        let data = tensors.reduce(0) { $0 + ($1.byteCount ?? 0) }
        let header = try parse(file, data: data)
        #expect(header.tensors.map(\.tensor) == tensors)
        #expect(header.metadata == notes)
        #expect(header.tensors.last.map { $0.range.upperBound == UInt64(file.count) + data } ?? true)
        for other in [data + 1, data + 1 << 40] { #expect(throws: CakeError.self) { try parse(file, data: other) } }
    }

    /// What is accepted is sound, whatever was done to it: ranges that cover the data, names that are there once.
    @Test func `injured is refused, or read as something sound`() throws {
        for seed in 0..<2000 as Range<UInt64> { try injure(seed) }
    }

    private func injure(_ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let tensors = Self.tensors(&numbers)
        let data = tensors.reduce(0) { $0 + ($1.byteCount ?? 0) }
        let json = numbers.injure(Array(try Safetensors.header(for: tensors).dropFirst(8)))
        let size = 8 + UInt64(json.count) + data
        guard let header = try? Safetensors.Header(parsing: json.span, fileSize: size) else { return }
        var end = header.dataStart
        for entry in header.tensors {
            #expect(entry.range.lowerBound == end, "seed \(seed)")
            #expect(entry.tensor.byteCount == UInt64(entry.range.count), "seed \(seed)")
            end = entry.range.upperBound
        }
        #expect(end == size, "seed \(seed)")
        #expect(Set(header.tensors.map(\.tensor.name)).count == header.tensors.count, "seed \(seed)")
    }

    @Test func `of random bytes never traps`() {
        for seed in 0..<3000 as Range<UInt64> {
            var numbers = SeededNumbers(seed: seed)
            let alphabet = Array("{}[]\",:0123456789\\ue.- \u{0}dtypeshapeF32".utf8) + [0xff, 0xc3]
            let json = (0..<Int.random(in: 0...60, using: &numbers)).map { _ in
                alphabet.randomElement(using: &numbers) ?? 0
            }
            let size = UInt64.random(in: 0 ... .max, using: &numbers) >> UInt64.random(in: 0..<64, using: &numbers)
            _ = try? Safetensors.Header(parsing: json.span, fileSize: size)
            _ = try? Safetensors.headerLength(prefix: json.span, fileSize: size)
        }
    }

    private static func tensors(_ numbers: inout SeededNumbers) -> [Tensor] {
        var names: Set<ExactText> = []
        return (0..<Int.random(in: 0...6, using: &numbers)).compactMap { _ in
            let name = ExactText(numbers.text())
            guard names.insert(name).inserted else { return nil }
            let dtype = DType.allCases.randomElement(using: &numbers) ?? .u8
            let shape = (0..<Int.random(in: 0...3, using: &numbers)).map { _ in
                UInt64.random(in: 0...3, using: &numbers) * 4
            }
            return Tensor(name: name, dtype: dtype, shape: shape.isEmpty && dtype.bits < 8 ? [4] : shape)
        }
    }
}

@Suite struct `A shard index` {
    private func parse(_ text: String) throws(CakeError) -> ShardIndex {
        let bytes = Array(text.utf8)
        return try ShardIndex(parsing: bytes.span)
    }

    @Test func `says which tensor is where`() throws {
        let index = try parse(
            #"{"metadata":{"total_size":12,"x":1},"weight_map":{"b":"2.safetensors","a":"1.safetensors"}}"#)
        #expect(index.totalSize == 12)
        #expect(index.entries.map(\.tensor) == ["b", "a"])
        #expect(index.files.map(\.string) == ["1.safetensors", "2.safetensors"])
    }

    @Test func `is written as transformers writes it`() throws {
        let entries = try ["b", "a"].map {
            ShardIndex.Entry(tensor: ExactText($0), file: try FilePath("m.safetensors"))
        }
        let index = ShardIndex(entries: entries, totalSize: 7)
        let text = """
            {
              "metadata": {
                "total_size": 7
              },
              "weight_map": {
                "a": "m.safetensors",
                "b": "m.safetensors"
              }
            }

            """
        #expect(String(decoding: index.bytes(), as: UTF8.self) == text)
        #expect(try parse(text).entries.count == 2)
    }

    @Test func `takes a size in any spelling for advice`() throws {
        #expect(try parse(#"{"metadata":{"total_size":1.5e3},"weight_map":{}}"#).totalSize == 1500)
        #expect(try parse(#"{"metadata":{"total_size":1e300},"weight_map":{}}"#).totalSize == nil)
        #expect(try parse(#"{"metadata":{"total_size":-1},"weight_map":{}}"#).totalSize == nil)
        #expect(try parse(#"{"metadata":{"total_size":-1.5},"weight_map":{}}"#).totalSize == nil)
        #expect(try parse(#"{"metadata":{"total_size":"12"},"weight_map":{}}"#).totalSize == nil)
        #expect(try parse(#"{"metadata":[],"weight_map":{}}"#).totalSize == nil)
        #expect(try parse(#"{"weight_map":{}}"#).totalSize == nil)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"metadata":{}}"#, #"{"weight_map":[]}"#, #"{"weight_map":{"a":1}}"#,
        #"{"weight_map":{"a":"../x"}}"#, #"{"weight_map":{"a":"/x"}}"#, #"{"weight_map":{"a":""}}"#,
        #"{"weight_map":{"a":"x","a":"x"}}"#, #"{"weight_map":{},"weight_map":{}}"#, #"{"weight_map":{"a":"x"}} x"#,
        #"{"metadata":{},"metadata":{},"weight_map":{}}"#,
    ])
    func `is refused`(_ text: String) {
        #expect(refusal { () throws(CakeError) in try parse(text) }?.kind == .damaged)
    }
}
