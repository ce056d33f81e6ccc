/// Which chunks of which xorbs make a file, or a run of it, by a Xet server's answer.
///
/// The answer is checked as far as possible without the bytes: a term has at least one chunk and no more than a xorb
/// has, and as many bytes as its chunks can have; all terms together are as long as requested; and no two of them say
/// different things about the same chunks. The answer may still be false: it decides what to download, and never
/// replaces the file's SHA-256.
public struct XetReconstruction: Hashable, Sendable {
    public static let maximumChunks: UInt32 = 8192
    /// Of an answer, and so of its terms: some 60 GB of a file at the worst. Larger ones are asked for in ranges.
    public static let maximumSize = 64 << 20

    /// A run of whole chunks of one xorb.
    public struct Term: Hashable, Sendable {
        public let xorb: XetHash
        /// Numbers of chunks in the xorb.
        public let chunks: Range<UInt32>
        /// Bytes of all of them, decoded.
        public let size: UInt64

        public init(xorb: XetHash, chunks: Range<UInt32>, size: UInt64) throws(CakeError) {
            guard !chunks.isEmpty, chunks.upperBound <= XetReconstruction.maximumChunks else {
                throw CakeError(
                    .damaged, "a term has the chunks \(chunks.lowerBound) to \(chunks.upperBound) of a xorb")
            }
            let count = UInt64(chunks.count)
            guard size >= count, size <= count * UInt64(XetChunk.maximumSize) else {
                throw CakeError(.damaged, "a term claims \(size) bytes in \(count) chunks")
            }
            self.xorb = xorb
            self.chunks = chunks
            self.size = size
        }
    }

    /// In the order of the file, without holes.
    public let terms: [Term]
    /// Which bytes of the file they are: at least those that were asked for, to the ends of their chunks.
    public let bytes: Range<UInt64>
    /// The place of each term in the file.
    let extents: Extents

    /// `range` is the requested part of a file of `fileSize` bytes; nil is all of it. `skipped` are the bytes of the
    /// first chunk before the range.
    public init(
        terms: [Term], skipped: UInt64, of range: Range<UInt64>?, fileSize: UInt64
    ) throws(CakeError) {
        try ByteCount.checked(fileSize, of: "its file")
        let wanted = (range ?? 0..<fileSize).clamped(to: 0..<fileSize)
        guard skipped <= wanted.lowerBound, skipped < UInt64(XetChunk.maximumSize) else {
            throw CakeError(.damaged, "its first term begins \(skipped) bytes before byte \(wanted.lowerBound)")
        }
        var end = wanted.lowerBound - skipped
        let first = end
        var positions = XetPositions()
        for term in terms {
            guard end < wanted.upperBound else { throw CakeError(.damaged, "terms continue after the requested range") }
            try positions.add(term)
            let (sum, overflow) = end.addingReportingOverflow(term.size)
            guard !overflow, sum <= fileSize else {
                throw CakeError(.damaged, "its terms claim more than the \(fileSize) bytes that the file has")
            }
            end = sum
        }
        try positions.check()
        guard end >= wanted.upperBound else {
            throw CakeError(.damaged, "its terms end at byte \(end), where \(wanted.upperBound) were requested")
        }
        guard end - wanted.upperBound < UInt64(XetChunk.maximumSize) else {
            throw CakeError(.damaged, "its terms end \(end - wanted.upperBound) bytes after the requested range")
        }
        if let term = terms.first, skipped >= term.size {
            throw CakeError(.damaged, "its first term has \(term.size) bytes, of which \(skipped) are before the range")
        }
        self.terms = terms
        extents = Extents(terms.lazy.map(\.size), from: first)
        bytes = first..<end
    }
}

extension XetReconstruction {
    /// A server's answer, of either version: addresses of xorbs, in which the two differ, are passed over.
    public init(parsing bytes: Span<UInt8>, of range: Range<UInt64>?, fileSize: UInt64) throws(CakeError) {
        var terms: [Term]?
        var skipped: UInt64?
        do throws(CakeError) {
            guard bytes.count <= XetReconstruction.maximumSize else {
                throw CakeError(
                    .damaged, "it has \(bytes.count) bytes; the limit is \(XetReconstruction.maximumSize)")
            }
            var scanner = JSONScanner()
            try scanner.beginObject(in: bytes)
            while let key = try scanner.nextKey(in: bytes) {
                if try JSONScanner.text(key, is: "terms", in: bytes) {
                    guard terms == nil else { throw CakeError(.damaged, "it has terms twice") }
                    terms = try XetReconstruction.terms(&scanner, in: bytes)
                } else if try JSONScanner.text(key, is: "offset_into_first_range", in: bytes) {
                    guard skipped == nil, let number = try scanner.wholeNumber(in: bytes) else {
                        throw CakeError(.damaged, "the offset into its first range is not a number, or there are two")
                    }
                    skipped = number
                } else {
                    try scanner.skipValue(in: bytes)
                }
            }
            try scanner.finish(in: bytes)
            guard let terms else { throw CakeError(.damaged, "it has no terms") }
            try self.init(terms: terms, skipped: skipped ?? 0, of: range, fileSize: fileSize)
        } catch {
            throw CakeError(.damaged, "Xet's answer about a file is not valid: \(error.what)", fix: error.fix)
        }
    }

    private static func terms(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> [Term] {
        var terms: [Term] = []
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) {
            terms.append(try term(&scanner, in: bytes))
        }
        return terms
    }

    private static func term(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> Term {
        var xorb: XetHash?
        var size: UInt64?
        var start: UInt64?
        var end: UInt64?
        try scanner.beginObject(in: bytes)
        while let key = try scanner.nextKey(in: bytes) {
            if try JSONScanner.text(key, is: "hash", in: bytes) {
                let text = try scanner.text(in: bytes)
                xorb = XetHash(text: bytes.extracting(text.range))
            } else if try JSONScanner.text(key, is: "unpacked_length", in: bytes) {
                size = try scanner.wholeNumber(in: bytes)
            } else if try JSONScanner.text(key, is: "range", in: bytes) {
                try scanner.beginObject(in: bytes)
                while let key = try scanner.nextKey(in: bytes) {
                    if try JSONScanner.text(key, is: "start", in: bytes) {
                        start = try scanner.wholeNumber(in: bytes)
                    } else if try JSONScanner.text(key, is: "end", in: bytes) {
                        end = try scanner.wholeNumber(in: bytes)
                    } else {
                        try scanner.skipValue(in: bytes)
                    }
                }
            } else {
                try scanner.skipValue(in: bytes)
            }
        }
        guard let xorb, let size, let start = start.flatMap({ UInt32(exactly: $0) }),
            let end = end.flatMap({ UInt32(exactly: $0) }), start < end
        else { throw CakeError(.damaged, "a term has no hash, no length or no range") }
        return try Term(xorb: xorb, chunks: start..<end, size: size)
    }
}
