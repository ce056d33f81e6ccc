import Model
import Support
import Testing

/// Makes manifests of any shape from a seed.
struct Family {
    var numbers: SeededNumbers

    init(_ seed: UInt64) { numbers = SeededNumbers(seed: seed) }

    func file(_ path: String, _ segments: [Manifest.Segment], digest: Digest) throws -> Manifest.File {
        try Manifest.File(
            path: try FilePath(path), digest: digest, size: segments.reduce(0) { $0 + $1.layer.size },
            segments: segments)
    }

    mutating func plain(_ size: UInt64 = 10) -> Manifest.Segment {
        Manifest.Segment(layer: Layer(digest: numbers.digest(), size: size), tensor: nil)
    }

    mutating func tensor(
        _ name: String, _ dtype: DType = .u8, _ shape: [UInt64] = [4], digest: Digest? = nil
    ) -> Manifest.Segment {
        let tensor = Tensor(name: ExactText(name), dtype: dtype, shape: shape)
        let layer = Layer(digest: digest ?? numbers.digest(), size: tensor.byteCount ?? 0)
        return Manifest.Segment(layer: layer, tensor: tensor)
    }

    mutating func manifest() throws -> Manifest {
        var files: [Manifest.File] = []
        for index in 0..<Int.random(in: 0...4, using: &numbers) {
            var segments: [Manifest.Segment] = []
            for _ in 0..<Int.random(in: 0...5, using: &numbers) {
                guard Bool.random(using: &numbers) else {
                    segments.append(plain(UInt64.random(in: 0...1 << 40, using: &numbers)))
                    continue
                }
                let shape = (0..<Int.random(in: 0...3, using: &numbers)).map { _ in
                    UInt64.random(in: 0...9, using: &numbers)
                }
                let dtype: DType = Bool.random(using: &numbers) ? .bf16 : .u64
                segments.append(tensor(numbers.text(), dtype, shape))
            }
            files.append(try file("%\(index) é/x", segments, digest: numbers.digest()))
        }
        return try Manifest(files: files)
    }
}

@Suite struct `A manifest` {
    @Test func `sorts its files and knows its size`() throws {
        var family = Family(1)
        let files = try ["b", "a/x", "C"].map { try family.file($0, [family.plain(7)], digest: .empty) }
        let manifest = try Manifest(files: files)
        #expect(manifest.files.map(\.path.string) == ["C", "a/x", "b"])
        #expect(manifest.size == 21)
        #expect(manifest.file(at: "a/x") != nil && manifest.file(at: "a") == nil)
    }

    @Test func `names each layer once, in order of first use`() throws {
        var family = Family(2)
        let (one, two, three) = (family.plain(1), family.plain(2), family.plain(3))
        let manifest = try Manifest(files: [
            family.file("a", [one, two, one], digest: .empty), family.file("b", [two, three], digest: .empty),
        ])
        #expect(manifest.layers == [one.layer, two.layer, three.layer])
        #expect(manifest.segments.map(\.layer.size) == [1, 2, 1, 2, 3])
    }

    @Test func `refuses sizes that do not add up`() throws {
        var family = Family(3)
        let path = try FilePath("a")
        let (small, large, most) = (family.plain(5), family.plain(.max), family.plain(ByteCount.maximum))
        for size in [4, 6] as [UInt64] {
            #expect(throws: CakeError.self) {
                try Manifest.File(path: path, digest: .empty, size: size, segments: [small])
            }
        }
        #expect(throws: CakeError.self) {
            try Manifest.File(path: path, digest: .empty, size: 4, segments: [small, large])
        }
        let wrong = Manifest.Segment(layer: small.layer, tensor: Tensor(name: "x", dtype: .u8, shape: [6]))
        #expect(throws: CakeError.self) { try Manifest.File(path: path, digest: .empty, size: 5, segments: [wrong]) }
        let huge = Manifest.Segment(layer: small.layer, tensor: Tensor(name: "x", dtype: .u8, shape: [.max, .max]))
        #expect(throws: CakeError.self) { try Manifest.File(path: path, digest: .empty, size: 5, segments: [huge]) }
        #expect(throws: CakeError.self) {
            try Manifest.File(path: path, digest: .empty, size: .max, segments: [large])
        }
        #expect(throws: CakeError.self) {
            try Manifest.File(path: path, digest: .empty, size: ByteCount.maximum + 5, segments: [most, small])
        }
        var files = try (0..<256).map { try family.file("f\($0)", [most], digest: .empty) }
        #expect(try Manifest(files: files).size == ByteCount.maximumTotal)
        files.append(try family.file("g", [small], digest: .empty))
        #expect(throws: CakeError.self) { try Manifest(files: files) }
    }

    @Test func `refuses files that meet on some disk`() throws {
        var family = Family(4)
        let files = try ["a", "A"].map { try family.file($0, [family.plain()], digest: .empty) }
        #expect(throws: CakeError.self) { try Manifest(files: files) }
    }
}

@Suite struct `A manifest as text` {
    static let digest = String(repeating: "0123456789abcdef", count: 4)

    private func decode(_ text: String) throws(CakeError) -> Manifest {
        let bytes = Array(text.utf8)
        return try ManifestText.decode(bytes.span)
    }

    @Test func `looks like this`() throws {
        let digest = try #require(Digest(hex: Self.digest))
        let segments = [
            Manifest.Segment(layer: Layer(digest: digest, size: 9), tensor: nil),
            Manifest.Segment(
                layer: Layer(digest: digest, size: 24), tensor: Tensor(name: "a b%\n", dtype: .bf16, shape: [4, 3])),
            Manifest.Segment(layer: Layer(digest: digest, size: 8), tensor: Tensor(name: "", dtype: .i64, shape: [])),
        ]
        let file = try Manifest.File(
            path: try FilePath("m é%.safetensors"), digest: digest, size: 41, segments: segments)
        let text = """
            cake manifest 1
            file \(Self.digest) 41 m é%25.safetensors
            \(Self.digest) 9
            \(Self.digest) 24 BF16 4x3 a b%25%0A
            \(Self.digest) 8 I64 -\u{20}

            """
        let manifest = try Manifest(files: [file])
        #expect(String(decoding: ManifestText.encode(manifest), as: UTF8.self) == text)
        #expect(try decode(text) == manifest)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `comes back as it was, and cut short it does not`(_ seed: UInt64) throws {
        var family = Family(seed)
        let manifest = try family.manifest()
        let bytes = ManifestText.encode(manifest)
        #expect(try ManifestText.decode(bytes.span) == manifest)
        for end in 0..<bytes.count {
            // Cut between two lines, an ending without layers may be whole; then it is another manifest.
            guard let other = try? ManifestText.decode(bytes.span.extracting(0..<end)) else { continue }
            #expect(other != manifest)
            #expect(ManifestText.encode(other) == Array(bytes[..<end]))
        }
    }

    /// Whatever is accepted is canonical: one manifest, one text, one digest.
    @Test func `injured is refused or is another manifest's own text`() throws {
        for seed in 0..<1000 as Range<UInt64> {
            var family = Family(seed)
            let bytes = family.numbers.injure(ManifestText.encode(try family.manifest()))
            guard let other = try? ManifestText.decode(bytes.span) else { continue }
            #expect(ManifestText.encode(other) == bytes, "seed \(seed)")
        }
    }

    private static let firstLines: [String] = [
        "", "cake manifest 1", "cake manifest 2\n", "cake manifest 1 \n", "cake manifest 1\r\n",
        "\ncake manifest 1\n",
    ]

    /// What may not follow the first line.
    private static let fileLines: [String] = [
        "\n", "\(digest) 9\n", "file\n", "file \n", "file \(digest)\n", "file \(digest) 0\n", "file \(digest) 0 \n",
        "file  \(digest) 0 a\n", "file \(digest)  0 a\n", "file \(digest) 00 a\n", "file \(digest) -0 a\n",
        "file \(digest) +0 a\n", "file \(digest) 0x0 a\n", "file \(digest) 18446744073709551616 a\n",
        "file \(digest.uppercased()) 0 a\n", "file \(digest) 0 ../a\n", "file \(digest) 0 a%2\n",
        "file \(digest) 0 a%\n", "file \(digest) 0 a%62\n", "file \(digest) 0 a%2e\n", "file \(digest) 0 a%0A\n",
        "file \(digest) 0 a\u{1}\n", "file \(digest) 0 b\nfile \(digest) 0 a\n",
        "file \(digest) 0 a\nfile \(digest) 0 a\n", "file \(digest) 1 a\n", "file \(digest) 1 a\n\(digest) 2\n",
        "file \(digest) 1 a\n \(digest) 1\n",
    ]

    /// What may not follow the size of a layer of one byte.
    private static let layerLines: [String] = [
        "", " \n", " U8\n", " U8 1\n", " u8 1 x\n", " \u{0}U8 1 x\n", " U8 01 x\n", " U8 1x x\n", " U8 x1 x\n",
        " U8 1xx1 x\n", " U8 2 x\n", " U8 -- x\n", " U8 1 x%41\n", " U8 1 x\u{7f}\n", " U8 1 x%C3\n",
    ]

    private static let misspelled: [String] =
        firstLines + fileLines.map { "cake manifest 1\n\($0)" }
        + layerLines.map { "cake manifest 1\nfile \(digest) 1 a\n\(digest) 1\($0)" }

    @Test(arguments: misspelled)
    func `has one spelling`(_ text: String) {
        #expect(refusal { () throws(CakeError) in try decode(text) }?.kind == .damaged)
    }

    @Test func `of a newer cake is refused with words`() {
        let error = refusal { () throws(CakeError) in try decode("cake manifest 2\n") }
        #expect(error?.fix == "a newer cake may have written it")
    }

    @Test func `that is not UTF-8 is refused`() {
        var bytes = Array("cake manifest 1\nfile \(Self.digest) 0 a".utf8)
        bytes += [0xff, 0x0a]
        #expect(throws: CakeError.self) { try ManifestText.decode(bytes.span) }
    }
}
