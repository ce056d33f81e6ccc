import Model
import Platform
import Support
import Testing

/// Bytes of a linear generator that other programs can make as well: the upper eighth of each step.
private func stepped(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(state >> 56)
    }
}

private func hex(_ hash: XetHash) -> String {
    hash.bytes.map { byte in
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
    }.joined()
}

@Suite struct `BLAKE3 as it is made here` {
    static let source = stepped(200_000, seed: 1)

    /// Length, hash, and hash with the key of the published vectors; made with PyPI's blake3 1.0.11.
    static let vectors: [(count: Int, plain: String, keyed: String)] = [
        (
            0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"
        ),
        (
            1, "b9f63c83975dadee9b4dc3faeeb669ddef34bbe12e3a0626183166982681d81c",
            "13fe39d23edb3d42101066c321396173b7539085f0a899427a0f38c8a91f3c65"
        ),
        (
            63, "d36bb9604944953e80b75700603860f151462e330e101a64bfcea0d8f2a1f51e",
            "2bb8798c2486f185245111dd6e4ba365d5fa1ecd1d856d5eb5ec4d25092c2cb0"
        ),
        (
            64, "5346c71a21c84dc074e2455ecefdceebe4dea1cf01eab2d73ff4dfaebc56f3c6",
            "f79a92b937f3f36d5e18dd7eb7effa86f1557a4e149b5fd11998e38ee724dbd1"
        ),
        (
            65, "47d117a7825ad7ce3ffaf981581c0626b110396b12f9231b7a87052790589385",
            "5c99ee987b49f9c555eafa78b8451779983c05bd07ccba49c287163fcbae43e4"
        ),
        (
            127, "5f371d1e7f8ca704ece0449afd8fb34b061a7702f36876d642aba24edc27eb1b",
            "619bf4adeddf4f2b4df2b8a5feaea53a7e4f499b4ed9380b7f0f432d9879da04"
        ),
        (
            128, "b36d5e51d89dff01c845260bddadaf8e05a37699883e4791c75b628f1103499f",
            "fc548d7b1e4473b050c3cea8e96b78e923253bc09a0173fe38dc81fbcdbba4d3"
        ),
        (
            129, "6fc4b500512da7fe1104f96b1e5498ba36e69b283178030e32a1f6dda6b5e50a",
            "045f21df274dfe51cf4d0e68e3c142208446d9202077421df0fa138f0e5152d1"
        ),
        (
            1023, "eba869ecbd8a185383b40b40e6446575941e424e45b52afb75f8471526f0f27c",
            "2565371b118a9a061bceaa6dc6c7abc0fa423c45fbfaeb5d820da067466fa4c6"
        ),
        (
            1024, "ba56c527ae4818a06b9ae6b6bd05b24af526905ad525397ae1826f97a51cbd0e",
            "e5a99335dd1b995d753e23ab37ff06b0f5673c7331bcc9e1f4a32fde1192f162"
        ),
        (
            1025, "86e5598a1c6aacea983ffdbefc56fa8aa7426c4d18b2d140ca737f131bf2ff1b",
            "84a1ed476fb62b565dda6088ccf3d993775880f70dbc72fd15552441f32b13f5"
        ),
        (
            2048, "c790f92b6f8a006579a64e5def2f72f50ce97b8d7a555673f2eb466f9d1c3439",
            "42cae9c4b4c2ecfb46d9bc51c44550848efc249472c16cbb86e369e02921efbc"
        ),
        (
            2049, "ec4c84ec7ed562afed48173fc90c8ffdb1b35b44856b4fb40129605051c73f1c",
            "ab1ec63937f3d97a3eb6078b2e5c49bc75e94f9b6b3f6da85a83db282aca2e33"
        ),
        (
            3072, "bf9249973237ca1f1b5293a6f2dd9d5da4c7a6e833d6ab8049a0d5f10e59d270",
            "92290eb68f451e961e7bde92d55fbf57226c7538ce32a1302bad0666c6573657"
        ),
        (
            3073, "3270cfa3bb94a0aa7deb522063ae843732bb254aded60d56bfae746d9457ecb4",
            "608070e55f6ce40c128fa905a24a100dca975827b923fcb6b1babcfcbc0cf825"
        ),
        (
            5120, "adba5eb8ed7fe84ce5ec094d338cba0ec8c3a76d41bf3d3fa858d1311a30278b",
            "a79f81d49c377da86e8a62927412bbbbd46f4248b76f79fd6e20d0ca9d48467b"
        ),
        (
            7168, "f4204755905efe171e7d34d6d91f7b2fdadfc20d9fda5eb34add5a118cb1f24d",
            "5d18c4573287202cc7ac1830f335edddaaaf50e307bad43c096f34c94e557792"
        ),
        (
            8191, "f732f7a07afeb220b27c859272dda8254b7820f7d18e58fcade39b4b9b47bff9",
            "41bb8889e2dbff851842795c084b2c48f48ac04e7ce05b0642d185ae3efe2a8b"
        ),
        (
            8192, "2fac6d78262be9f38fce10efac87531c662b5f64ea5844a31478a4a94e4ba758",
            "d686c867af031b9181ff5ffad5db21f3730fade92771fdbac3353315c4cdb43f"
        ),
        (
            8193, "8bf17b7cd0cdeb51462d15afae46b13641321c1a9694e8555221af7f988b80f5",
            "970df75d63767c34b369b46dec323bba7ff5d28de2ce2df883095ce9afa30c6b"
        ),
        (
            9216, "2465f36bab926df61da3ff6280fbba6375ece6f3191b747669f3c7dede8b0fdc",
            "14c0495e8b5dea521690e51237fc16c1a2a870e6568946dc5eaf9b06fde6af44"
        ),
        (
            16384, "5ce59f6dcc2659e2c918cc35b992f656e3c2934ed83c2ec6a9d3fa9d79923a88",
            "d2f25429c5412e5210f803fe72fd2b3027167a7831868b6c85cf36215df264a4"
        ),
        (
            16385, "31d16008c424699ac74bc6622bd137e9f02320a056aac6327bd864cb85451952",
            "717929d22fa2ffd994daebb7fc747e1b388f2bdc1219d07e61c1d08e486b2044"
        ),
        (
            31744, "cf66307ebf4d4214a67cb5dac5ce89e34048e472eb48744c621c958eeb73fc1f",
            "bffd1d900148c59e1d0559ab1ad814fff596284f63e5824957c8cfeccda963a4"
        ),
        (
            65536, "f1a7ac4ecaa656acfbc190b4c94b1d30a0002b6c50c9bd02b7e79fe59b96bc21",
            "be8f1cbd8ab46a881b3fe97fbe55561143ee426df8ac0e961a43309065618f04"
        ),
        (
            102400, "392a21e5e21d363913f86b2f6e473da328a0ffabe3b6b0e4902ba6c99df123b8",
            "9d130d3bd0410f36279374c85ecb9446be4ced39a824ca6fb2277de9d8de9031"
        ),
        (
            131072, "4010cac36220ae7f690e28d9548b931c247185c28adb268c027fb7070095541b",
            "940dff50a6a9653ba22303e67f5e024702c6d55a6755ab5630d6bd104d0eb03e"
        ),
        (
            131073, "ed2ea367cec12cdbd942ee08875b432240f1821a2a65e59987fadd0d31b774e1",
            "879240c883786b581a6202a94914318ff77edfc678dcd2ef0c163e7d061a0daa"
        ),
        (
            200000, "4b4449a668f14a45d41ceb9a84b8f3bf0107a9db35c87ca72440972275a1d228",
            "52292836b2318e38a5e38bf2a1ab2138da685ab97fceb79dcbf675e986dcf56d"
        ),
    ]

    @Test func `gives what its authors' own gives, with a key and without`() throws {
        let key = try #require(BLAKE3.Key(Array("whats the Elvish word for friend".utf8)))
        for vector in Self.vectors {
            let bytes = Self.source.span.extracting(first: vector.count)
            #expect(hex(BLAKE3.hash(of: bytes)) == vector.plain, "\(vector.count) bytes")
            #expect(hex(BLAKE3.hash(of: bytes, key: key)) == vector.keyed, "\(vector.count) bytes with a key")
        }
    }

    @Test func `has keys of 32 bytes only`() {
        for count in [0, 31, 33] { #expect(BLAKE3.Key([UInt8](repeating: 1, count: count)) == nil) }
    }
}

@Suite struct `Xet's names` {
    private func chunks(_ bytes: [UInt8], in slices: [Int] = []) -> [XetChunk] {
        var chunker = XetChunker()
        var found: [XetChunk] = []
        var rest = bytes.span
        for count in slices where rest.count > 0 {
            chunker.update(rest.extracting(first: min(count, rest.count))) { found.append($0) }
            rest = rest.extracting(droppingFirst: min(count, rest.count))
        }
        chunker.update(rest) { found.append($0) }
        if let last = chunker.finish() { found.append(last) }
        return found
    }

    private func file(_ chunks: [XetChunk]) -> XetHash {
        var tree = XetTree()
        for chunk in chunks { tree.add(chunk) }
        return tree.fileHash()
    }

    @Test func `begin with a table of numbers that is not one of the corrupted copies`() {
        let bytes = XetGear.table.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        #expect(
            SHA256.digest(of: bytes.span).hex == "e1d3936666d7ae7a977c958e9afcc75f90aaca758ce5fbe4ece61dffefe1912c")
    }

    @Test func `are those that hf_xet gives`() {
        let hello = chunks(Array("Hello World!".utf8))
        #expect(hello.map(\.hash.text) == ["d8d408e608fb9ca213b9909a65d86d725f2de4d8d540324be8a363e7a6e228cb"])
        #expect(file(hello).text == "a9dae0ad88b060bdd7e7c87abdcf95b132c95a0414b06d4f6beb68d287b87165")

        let zeros = chunks([UInt8](repeating: 0, count: 1 << 20))
        let zero = "2e39f13c248013b27e22913ba2893a654120ed0ad8eb7ecbf3f05b9d708634fc"
        #expect(zeros.map(\.size) == Array(repeating: 131_072, count: 8))
        #expect(zeros.allSatisfy { $0.hash.text == zero })
        #expect(file(zeros).text == "1e671fe124cea35586b1d1c30b9d4fc6b4e05ee60c93406986444f7c23d54056")

        let short = chunks(stepped(100_000, seed: 1))
        #expect(short.map(\.size) == [64_662, 35_338])
        #expect(short.first?.hash.text == "d268e73ccad507db1e32904cbbb76cf651682582a09bb5a2a494e6b5fec61ca8")
        #expect(file(short).text == "533b884c46bf6bbbe6f91eadda15cdefac1d3883f0bfd311f919ce3beb37f743")

        let medium = chunks(stepped(3 << 20, seed: 1))
        #expect(medium.count == 45 && medium.prefix(4).map(\.size) == [64_662, 131_072, 23_091, 131_072])
        #expect(file(medium).text == "d75c545b348a922e01560747679bfa6097c70ccf1b1cad63343061bc81057f53")

        let large = chunks(stepped(20 << 20, seed: 7))
        #expect(large.count == 307 && large.prefix(4).map(\.size) == [18_687, 31_280, 131_072, 32_482])
        #expect(file(large).text == "25ae8d02e62b2beeca134313fedce3702db63f8d0597fe823467c83177c33d16")

        #expect(chunks([]).isEmpty)
        #expect(XetFileHash.hash(of: Span()) == .empty)
    }

    /// The rules again, byte by byte and without shortcuts.
    private func plainSizes(_ bytes: [UInt8]) -> [Int] {
        var sizes: [Int] = []
        var (hash, size): (UInt64, Int) = (0, 0)
        for byte in bytes {
            hash = hash << 1 &+ XetGear.table[Int(byte)]
            size += 1
            if size >= 8192 && hash & 0xffff_0000_0000_0000 == 0 || size == 131_072 {
                sizes.append(size)
                (hash, size) = (0, 0)
            }
        }
        if size > 0 { sizes.append(size) }
        return sizes
    }

    private func plainRoot(_ chunks: [XetChunk]) throws -> XetHash {
        let key = try #require(
            BLAKE3.Key([
                0x01, 0x7e, 0xc5, 0xc7, 0xa5, 0x47, 0x29, 0x96, 0xfd, 0x94, 0x66, 0x66, 0xb4, 0x8a, 0x02, 0xe6, 0x5d,
                0xdd, 0x53, 0x6f, 0x37, 0xc7, 0x6d, 0xd2, 0xf8, 0x63, 0x52, 0xe6, 0x4a, 0x53, 0x71, 0x3f,
            ]))
        var nodes = chunks.map { (hash: $0.hash, size: $0.size) }
        while nodes.count > 1 {
            var above: [(hash: XetHash, size: Int)] = []
            var rest = nodes[...]
            while !rest.isEmpty {
                var count = min(9, rest.count)
                if rest.count > 2 {
                    for index in 2..<count where rest[rest.startIndex + index].hash.words.3 % 4 == 0 {
                        count = index + 1
                        break
                    }
                }
                let group = rest.prefix(count)
                let text = group.map { "\($0.hash.text) : \($0.size)\n" }.joined()
                above.append((BLAKE3.hash(of: text.utf8Span.span, key: key), group.reduce(0) { $0 + $1.size }))
                rest = rest.dropFirst(count)
            }
            nodes = above
        }
        return try #require(nodes.first).hash
    }

    @Test func `do not depend on the slices in which the bytes come`() {
        var numbers = SeededNumbers(seed: 11)
        for (seed, texture) in [(UInt64(3), Texture.random), (4, .mixed), (5, .constant)] {
            let bytes = seededBytes(700_000, seed: seed, texture)
            let whole = chunks(bytes)
            #expect(whole.map(\.size) == plainSizes(bytes))
            for most in [1000, 9000, 70_000, 300_000] {
                let slices = (0..<1000).map { _ in Int.random(in: 0...most, using: &numbers) }
                #expect(chunks(bytes, in: slices) == whole, "slices of up to \(most)")
            }
        }
        // Around the smallest and the largest chunk.
        for count in [1, 8127, 8128, 8129, 8191, 8192, 8193, 131_071, 131_072, 131_073, 262_144] {
            let bytes = [UInt8](repeating: 0, count: count)
            #expect(chunks(bytes).map(\.size) == plainSizes(bytes), "\(count) zeros")
            #expect(chunks(bytes, in: [count - 1, 1]) == chunks(bytes), "\(count) zeros, the last one alone")
        }
    }

    @Test func `come from a tree that is the same whether its nodes come one by one or are all there`() throws {
        var numbers = SeededNumbers(seed: 12)
        for count in Array(1...40) + [81, 82, 100, 729, 1000, 3000] {
            let chunks = (0..<count).map { _ in
                XetChunk(
                    hash: XetHash(words: (numbers.next(), numbers.next(), numbers.next(), numbers.next())),
                    size: Int.random(in: 1...XetChunk.maximumSize, using: &numbers))
            }
            var tree = XetTree()
            for chunk in chunks { tree.add(chunk) }
            #expect(tree.root() == (try plainRoot(chunks)), "\(count) chunks")
        }
        // No node ends a group by itself, and every node does.
        for last in [UInt64(1), 4] {
            for count in [1, 2, 3, 4, 8, 9, 10, 18, 19, 27, 28, 81] {
                let chunks = (0..<count).map {
                    XetChunk(hash: XetHash(words: (UInt64($0), 0, 0, last)), size: 9)
                }
                var tree = XetTree()
                for chunk in chunks { tree.add(chunk) }
                #expect(tree.root() == (try plainRoot(chunks)), "\(count) chunks that end in \(last)")
            }
        }
    }
}
