/// Reads a tar archive of a stranger from its first byte to its last, as the bytes come. Names, sizes and records that mean
/// different things to different programs are refused.
public struct TarScanner: Sendable {
    public struct Entry: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            case file, folder
            /// What it is, in words.
            case other(String)
        }

        /// As the archive spells it.
        public let name: [UInt8]
        public let kind: Kind
        /// Of a file; 0 for other kinds.
        public let size: UInt64

        public init(name: [UInt8], kind: Kind, size: UInt64) { (self.name, self.kind, self.size) = (name, kind, size) }
    }

    public enum Event: Hashable, Sendable {
        case entry(Entry)
        /// Bytes of the file that was last named: these of the input.
        case bytes(Range<Int>)
        /// All bytes of the file were there.
        case endOfFile
    }

    public static let maximumEntries = 1_000_000
    /// Of the records before an entry.
    static let longestRecords: UInt64 = 1 << 20
    /// The longest path of Linux.
    static let longestName: UInt64 = 4096

    private enum Meta { case pax, global, longName, longLink }

    private enum State {
        case header
        /// Bytes of a file, then of its padding.
        case data(left: UInt64, padding: UInt64)
        case padding(UInt64)
        case meta(Meta, left: UInt64, padding: UInt64)
        case ended
    }

    private var state = State.header
    private var block: [UInt8] = []
    private var text: [UInt8] = []
    private var entries = 0
    private let maximumEntries: Int
    // Of the next entry.
    private var records: PaxRecords?
    private var longName: [UInt8]?
    private var hasLongLink = false

    public init(maximumEntries: Int = maximumEntries) {
        self.maximumEntries = maximumEntries
        block.reserveCapacity(TarHeader.blockSize)
    }

    /// The next event in the input from `position` on; nil when it needs more input.
    public mutating func next(in input: Span<UInt8>, from position: inout Int) throws(CakeError) -> Event? {
        while true {
            switch state {
            case .ended:
                // What follows the end is no part of the archive for any program.
                position = input.count
                return nil
            case .data(0, let padding):
                state = .padding(padding)
                return .endOfFile
            case .data(let left, let padding):
                guard position < input.count else { return nil }
                let count = Int(min(left, UInt64(input.count - position)))
                defer { position += count }
                state = .data(left: left - UInt64(count), padding: padding)
                return .bytes(position..<position + count)
            case .padding(let left):
                let count = min(left, UInt64(input.count - position))
                position += Int(count)
                guard count == left else {
                    state = .padding(left - count)
                    return nil
                }
                state = .header
            case .meta(let meta, let left, let padding):
                let count = Int(min(left, UInt64(input.count - position)))
                for index in position..<position + count { text.append(input[index]) }
                position += count
                guard UInt64(count) == left else {
                    state = .meta(meta, left: left - UInt64(count), padding: padding)
                    return nil
                }
                try take(meta)
                state = .padding(padding)
            case .header:
                let count = min(TarHeader.blockSize - block.count, input.count - position)
                for index in position..<position + count { block.append(input[index]) }
                position += count
                guard block.count == TarHeader.blockSize else { return nil }
                defer { block.removeAll(keepingCapacity: true) }
                if let entry = try header() { return .entry(entry) }
            }
        }
    }

    /// Called when there is no more input.
    public func finish() throws(CakeError) {
        switch state {
        case .ended: return
        // Many programs take an archive without the zeros at its end.
        case .header where block.isEmpty && !hasRecords: return
        default: throw TarScanner.refuse("ends in the middle of an entry")
        }
    }

    private var hasRecords: Bool { records != nil || longName != nil || hasLongLink }

    package static func refuse(_ why: String) -> CakeError {
        CakeError(.damaged, "the tar archive \(why)", fix: "ask who made it for one with plain files")
    }

    private mutating func take(_ meta: Meta) throws(CakeError) {
        defer { text.removeAll(keepingCapacity: true) }
        switch meta {
        case .longLink: hasLongLink = true
        case .longName:
            let name = text.prefix { $0 != 0 }
            guard !name.isEmpty else { throw TarScanner.refuse("has a long name of no bytes") }
            longName = Array(name)
        case .pax: records = try PaxRecords(text.span)
        case .global:
            let found = try PaxRecords(text.span)
            guard found.path == nil, found.size == nil else {
                throw TarScanner.refuse("gives one path or size to all of its entries")
            }
        }
    }

    /// Nil for a header that says something about the next entry, and for the end.
    private mutating func header() throws(CakeError) -> Entry? {
        let header = block
        guard header.contains(where: { $0 != 0 }) else {
            guard !hasRecords else { throw TarScanner.refuse("ends before the entry that its records are about") }
            state = .ended
            return nil
        }
        entries += 1
        guard entries <= maximumEntries else {
            throw TarScanner.refuse("has more than \(maximumEntries) entries")
        }
        let found = try TarBlock(header.span)
        switch found.type {
        case UInt8(ascii: "x"), UInt8(ascii: "X"):
            guard records == nil else { throw TarScanner.refuse("has two headers of records for one entry") }
            try begin(.pax, found.size, most: TarScanner.longestRecords)
        case UInt8(ascii: "g"): try begin(.global, found.size, most: TarScanner.longestRecords)
        case UInt8(ascii: "L"):
            guard longName == nil else { throw TarScanner.refuse("has two long names for one entry") }
            try begin(.longName, found.size, most: TarScanner.longestName)
        case UInt8(ascii: "K"):
            guard !hasLongLink else { throw TarScanner.refuse("has two long links for one entry") }
            try begin(.longLink, found.size, most: TarScanner.longestName)
        default: return try entry(found)
        }
        return nil
    }

    private mutating func begin(_ meta: Meta, _ size: UInt64, most: UInt64) throws(CakeError) {
        guard size <= most else {
            throw TarScanner.refuse("has a name or records of \(size) bytes; the limit is \(most)")
        }
        state = .meta(meta, left: size, padding: TarScanner.padding(size))
    }

    private mutating func entry(_ found: TarBlock) throws(CakeError) -> Entry {
        defer { (records, longName, hasLongLink) = (nil, nil, false) }
        let name = records?.path ?? longName ?? found.name
        let words = Printable.escape(String(decoding: name.prefix(200), as: UTF8.self))
        guard !name.isEmpty else { throw TarScanner.refuse("has an entry without a name") }
        var size = found.size
        if let said = records?.size {
            // Programs that know the record write 0, the largest number or the same number into the header.
            guard [0, TarBlock.largestOctal, said].contains(found.size) else {
                throw TarScanner.refuse("gives \(words) two sizes, \(found.size) and \(said)")
            }
            size = said
        }
        let kind = found.kind(named: name)
        guard kind == .file else {
            guard size == 0 else { throw TarScanner.refuse("gives \(size) bytes to \(words), which is no file") }
            state = .header
            return Entry(name: name, kind: kind, size: 0)
        }
        state = .data(left: size, padding: TarScanner.padding(size))
        return Entry(name: name, kind: .file, size: size)
    }

    private static func padding(_ size: UInt64) -> UInt64 {
        let block = UInt64(TarHeader.blockSize)
        return (block - size % block) % block
    }
}
