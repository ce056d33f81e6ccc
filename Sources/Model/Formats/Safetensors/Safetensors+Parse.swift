extension Safetensors.Header {
    /// `headerJSON` is the text between the eight bytes of length and the data, padding included.
    public init(parsing headerJSON: Span<UInt8>, fileSize: UInt64) throws(CakeError) {
        try ByteCount.checked(fileSize, of: "a safetensors file")
        let dataStart = UInt64(Safetensors.prefixSize) + UInt64(headerJSON.count)
        guard dataStart <= fileSize else {
            throw CakeError(
                .damaged, "the header ends at byte \(dataStart), but the file has \(fileSize)", fix: Safetensors.advice)
        }
        var claims = HeaderClaims()
        do throws(CakeError) {
            try claims.read(headerJSON)
        } catch {
            throw CakeError(error.kind, "safetensors header: \(error.what)", fix: error.fix ?? Safetensors.advice)
        }
        metadata = claims.metadata
        tensors = try Self.layOut(claims.tensors, from: dataStart, to: fileSize)
        self.dataStart = dataStart
    }

    /// Puts the tensors in the order of their bytes, and refuses unless they cover the data once and wholly.
    private static func layOut(
        _ claims: [HeaderClaims.Claim], from dataStart: UInt64, to fileSize: UInt64
    ) throws(CakeError) -> [Entry] {
        let dataSize = fileSize - dataStart
        var entries: [Entry] = []
        entries.reserveCapacity(claims.count)
        var end: UInt64 = 0
        for index in order(of: claims) {
            let claim = claims[index]
            func refuse(_ why: String) -> CakeError {
                CakeError(.damaged, "tensor \"\(claim.tensor.name.printable)\" \(why)", fix: Safetensors.advice)
            }
            let tensor = claim.tensor
            guard claim.begin <= claim.end else {
                throw refuse("begins at \(claim.begin) and ends before, at \(claim.end)")
            }
            guard claim.begin == end else {
                let kind = claim.begin > end ? "after a gap" : "inside the tensor before it"
                throw refuse("begins \(kind): at \(claim.begin) of the data, where \(end) was expected")
            }
            guard let size = tensor.byteCount else {
                throw refuse("is \(tensor.dtype.rawValue) \(tensor.shape): too large, or not a whole number of bytes")
            }
            guard size == claim.end - claim.begin else {
                throw refuse(
                    "is \(tensor.dtype.rawValue) \(tensor.shape), which takes \(size) bytes, but has "
                        + "\(claim.end - claim.begin)")
            }
            guard claim.end <= dataSize else {
                throw refuse("ends at \(claim.end) of the data, but the file has only \(dataSize) bytes of data")
            }
            entries.append(Entry(tensor: tensor, range: dataStart + claim.begin..<dataStart + claim.end))
            end = claim.end
        }
        guard end == dataSize else {
            throw CakeError(
                .damaged, "the tensors end at \(end) of the data, but the file has \(dataSize) bytes of data",
                fix: Safetensors.advice)
        }
        return entries
    }

    /// Sorted by (begin, end), ties in the header's order. Most headers are in order already.
    private static func order(of claims: [HeaderClaims.Claim]) -> [Int] {
        let indices = Array(claims.indices)
        let isSorted = zip(claims, claims.dropFirst()).allSatisfy { ($0.begin, $0.end) <= ($1.begin, $1.end) }
        guard !isSorted else { return indices }
        return indices.sorted {
            (claims[$0].begin, claims[$0].end, $0) < (claims[$1].begin, claims[$1].end, $1)
        }
    }
}

/// The content of a header, in its own order, before it is checked against the file.
struct HeaderClaims {
    struct Claim {
        let tensor: Tensor
        let begin: UInt64
        let end: UInt64
    }

    private(set) var metadata: [Safetensors.Header.Note] = []
    private(set) var tensors: [Claim] = []

    mutating func read(_ bytes: Span<UInt8>) throws(CakeError) {
        var scanner = JSONScanner()
        // A tensor takes some 130 bytes of header: the capacity for all of them at once is in proportion to the actual
        // bytes.
        var names = Set<ExactText>(minimumCapacity: bytes.count / 128)
        tensors.reserveCapacity(bytes.count / 128)
        var hasMetadata = false
        try scanner.beginObject(in: bytes)
        while let key = try scanner.nextKey(in: bytes) {
            if try JSONScanner.text(key, is: "__metadata__", in: bytes) {
                guard !hasMetadata else { throw CakeError(.damaged, "__metadata__ is given twice") }
                hasMetadata = true
                try readMetadata(&scanner, in: bytes)
                continue
            }
            let name = ExactText(try JSONScanner.string(of: key, in: bytes))
            guard names.insert(name).inserted else {
                throw CakeError(
                    .damaged, "tensor \"\(name.printable)\" is given twice",
                    fix: "readers disagree on which one counts; ask the publisher to write the file again")
            }
            var fields = TensorFields()
            do throws(CakeError) {
                tensors.append(try fields.read(name, &scanner, in: bytes))
            } catch {
                throw error.at("tensor \"\(name.printable)\"")
            }
        }
        try scanner.finish(in: bytes)
    }

    private mutating func readMetadata(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard try scanner.kind(in: bytes) != .null else { return try scanner.null(in: bytes) }
        do throws(CakeError) {
            var keys: Set<ExactText> = []
            try scanner.beginObject(in: bytes)
            while let text = try scanner.nextKey(in: bytes) {
                let key = try JSONScanner.string(of: text, in: bytes)
                guard keys.insert(ExactText(key)).inserted else {
                    throw CakeError(.damaged, "\"\(Printable.escape(key))\" is given twice")
                }
                metadata.append(Safetensors.Header.Note(key: key, value: try scanner.string(in: bytes)))
            }
        } catch {
            throw error.at("__metadata__")
        }
    }
}
