extension GGUF.Header {
    /// Reads the header from the first bytes of a file, or returns nil if it continues after them. A header does not
    /// say how long it is: the caller tries again with more.
    public static func read(prefix: Span<UInt8>, fileSize: UInt64) throws(CakeError) -> GGUF.Header? {
        try ByteCount.checked(fileSize, of: "a GGUF file")
        do throws(GGUFStop) {
            return try GGUF.Header(prefix, fileSize)
        } catch {
            switch error {
            case .damaged(let error): throw error
            case .short:
                guard UInt64(prefix.count) < fileSize else {
                    throw CakeError(
                        .damaged, "GGUF header: continues after the end of the file, at \(fileSize)",
                        fix: Safetensors.advice)
                }
                return nil
            }
        }
    }

    private init(_ bytes: Span<UInt8>, _ fileSize: UInt64) throws(GGUFStop) {
        var reader = GGUFReader()
        guard try reader.number(4, in: bytes) == 0x4655_4747 else { throw GGUFStop("does not begin with GGUF") }
        version = try reader.u32(in: bytes)
        guard version & 0xffff != 0 else { throw GGUFStop("has big-endian numbers, which cake does not read") }
        guard version == 2 || version == 3 else { throw GGUFStop("has version \(version), and cake reads 2 and 3") }
        let tensorCount = try reader.count("the number of tensors", in: bytes)
        let pairCount = try reader.count("the number of pairs", in: bytes)
        // Programs write a few thousand tensors and some dozen pairs. More would only take memory.
        guard tensorCount <= 1 << 20, pairCount <= 1 << 16 else {
            throw GGUFStop("has \(tensorCount) tensors and \(pairCount) pairs, more than cake reads")
        }
        let (pairs, alignment) = try GGUF.Header.pairs(pairCount, &reader, in: bytes)
        let claims = try GGUF.Header.claims(tensorCount, &reader, in: bytes)
        guard let start = GGUF.padded(UInt64(reader.position), to: alignment) else { throw GGUFStop("is too large") }
        metadata = pairs
        self.alignment = alignment
        dataStart = start
        tensors = try GGUF.Header.layOut(claims, from: start, to: fileSize, alignment)
    }

    private static func pairs(
        _ count: Int, _ reader: inout GGUFReader, in bytes: Span<UInt8>
    ) throws(GGUFStop) -> (JSONObject, alignment: UInt64) {
        var pairs = JSONObject()
        var keys: Set<ExactText> = []
        var alignment = GGUF.usualAlignment
        for _ in 0..<count {
            let key = try reader.string("a key", in: bytes)
            guard !key.isEmpty else { throw GGUFStop("has an empty key") }
            guard keys.insert(ExactText(key)).inserted else {
                throw GGUFStop("has the key \"\(Printable.escape(key))\" twice")
            }
            guard let value = try reader.value(key, in: bytes) else { continue }
            pairs.append(key, value)
            guard ExactText(key) == "general.alignment" else { continue }
            guard let number = value.unsigned, number.nonzeroBitCount == 1, number <= UInt64(UInt32.max) else {
                throw GGUFStop("has an alignment that is not a power of two")
            }
            alignment = number
        }
        return (pairs, alignment)
    }

    private struct Claim {
        let name: ExactText
        let shape: [UInt64]
        let type: UInt32
        let offset: UInt64
    }

    private static func claims(
        _ count: Int, _ reader: inout GGUFReader, in bytes: Span<UInt8>
    ) throws(GGUFStop) -> [Claim] {
        var claims: [Claim] = []
        var names: Set<ExactText> = []
        for _ in 0..<count {
            let name = ExactText(try reader.string("a tensor's name", in: bytes))
            guard name.string.utf8.count < 64 else { throw GGUFStop("has a tensor name of 64 bytes or more") }
            guard names.insert(name).inserted else { throw GGUFStop("has the tensor \"\(name.printable)\" twice") }
            let dimensions = try reader.u32(in: bytes)
            guard dimensions <= 4 else { throw GGUFStop("tensor \"\(name.printable)\" has \(dimensions) dimensions") }
            var shape: [UInt64] = []
            for _ in 0..<dimensions { shape.append(try reader.number(8, in: bytes)) }
            guard shape.allSatisfy({ $0 <= UInt64(Int64.max) }) else {
                throw GGUFStop("tensor \"\(name.printable)\" has a negative dimension")
            }
            let type = try reader.u32(in: bytes)
            let offset = try reader.number(8, in: bytes)
            claims.append(Claim(name: name, shape: shape.reversed(), type: type, offset: offset))
        }
        return claims
    }

    /// Each tensor begins where the padding of the one before it ends. The padding of the last may be missing.
    private static func layOut(
        _ claims: [Claim], from start: UInt64, to fileSize: UInt64, _ alignment: UInt64
    ) throws(GGUFStop) -> [GGUF.Entry] {
        let dataSize = fileSize > start ? fileSize - start : 0
        var entries: [GGUF.Entry] = []
        var (expected, end): (UInt64, UInt64) = (0, 0)
        for (index, claim) in claims.enumerated() {
            let what = "tensor \"\(claim.name.printable)\""
            guard claim.offset == expected else {
                throw GGUFStop("\(what) begins at \(claim.offset) of the data, where \(expected) was expected")
            }
            let encoding = GGUF.encoding(claim.type)
            let size: UInt64
            if let encoding {
                guard let known = encoding.byteCount(shape: claim.shape) else {
                    throw GGUFStop(
                        "\(what) is \(encoding.name) \(claim.shape): too large, or a row is not whole blocks")
                }
                size = known
            } else {
                let next = index + 1 < claims.count ? claims[index + 1].offset : dataSize
                guard next >= claim.offset else { throw GGUFStop("\(what) ends before it begins") }
                size = next - claim.offset
            }
            guard case (let sum, false) = claim.offset.addingReportingOverflow(size), sum <= dataSize,
                let padded = GGUF.padded(sum, to: alignment)
            else { throw GGUFStop("\(what) takes \(size) bytes at \(claim.offset), but there are \(dataSize) of data") }
            let range = start + claim.offset..<start + sum
            entries.append(
                GGUF.Entry(
                    name: claim.name, typeID: claim.type, encoding: encoding, shape: claim.shape, range: range))
            (end, expected) = (sum, padded)
        }
        guard dataSize == end || dataSize == expected else {
            throw GGUFStop("the tensors end at \(end) of the data, but the file has \(dataSize) bytes of data")
        }
        return entries
    }
}

extension GGUF {
    static func padded(_ size: UInt64, to alignment: UInt64) -> UInt64? {
        let (sum, overflow) = size.addingReportingOverflow(alignment - 1)
        return overflow ? nil : sum & ~(alignment - 1)
    }
}
