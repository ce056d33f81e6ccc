internal import Model
internal import Platform

/// A tar that is read once, from its front.
struct BundleStream {
    /// Fills the chunk, as far as bytes come; 0 bytes are the end.
    private let read: @Sendable (Chunk) async throws -> Int
    private let chunk = Chunk(capacity: 1 << 20)
    private var position = 0
    private var reader = TarReader()
    private var members = 0
    private var seen: Set<FilePath> = []
    /// Of the current member, with its padding.
    private var left: UInt64 = 0

    init(_ read: @escaping @Sendable (Chunk) async throws -> Int) {
        self.read = read
        chunk.count = 0
    }

    enum Next {
        case member(TarMember)
        /// The archive ends; another may follow.
        case archiveEnd
        case end
    }

    mutating func next() async throws -> Next {
        try await skip(left)
        left = 0
        while true {
            guard let block = try await block() else { return .end }
            switch try reader.step(block.span) {
            case .zeros:
                guard seen.isEmpty else {
                    seen = []
                    return .archiveEnd
                }
            case .records(let length):
                let records = try await take(Int(length))
                try reader.take(records.span)
                try await skip(TarReader.padded(length) - length)
            case .member(let member):
                members += 1
                guard members <= BundleFiles.mostMembers else { throw TarReader.tooMany(BundleFiles.mostMembers) }
                left = member.paddedSize
                guard member.kind == .file else { continue }
                guard seen.insert(member.path).inserted else { throw TarReader.doubled(member.path) }
                return .member(member)
            }
        }
    }

    /// All of a member.
    mutating func bytes(of member: TarMember, limit: Int) async throws -> [UInt8] {
        guard member.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(member.path) has \(member.size) bytes, and the limit is \(limit)")
        }
        left = member.paddedSize - member.size
        return try await take(Int(member.size))
    }

    /// Passes a member on, run by run, with the place of each.
    mutating func pass(
        _ member: TarMember, to sink: (UInt64, Span<UInt8>) throws -> Void
    ) async throws {
        var offset: UInt64 = 0
        while offset < member.size {
            guard try await fill() else { throw TarReader.endsEarly(in: member.path) }
            let count = Int(min(UInt64(chunk.count - position), member.size - offset))
            try chunk.withBytes { try sink(offset, $0.extracting(position..<position + count)) }
            position += count
            offset += UInt64(count)
        }
        left = member.paddedSize - member.size
    }

    private mutating func block() async throws -> [UInt8]? {
        guard try await fill() else { return nil }
        return try await take(TarReader.blockSize)
    }

    private mutating func take(_ count: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(count, 1 << 20))
        while bytes.count < count {
            guard try await fill() else { throw TarReader.endsEarly() }
            let some = min(chunk.count - position, count - bytes.count)
            chunk.withBytes { span in for place in position..<position + some { bytes.append(span[place]) } }
            position += some
        }
        return bytes
    }

    private mutating func skip(_ count: UInt64) async throws {
        var left = count
        while left > 0 {
            // The last padding may be missing, as some tools leave it out.
            guard try await fill() else { return }
            let some = Int(min(UInt64(chunk.count - position), left))
            position += some
            left -= UInt64(some)
        }
    }

    /// False at the end.
    private mutating func fill() async throws -> Bool {
        if position < chunk.count { return true }
        position = 0
        chunk.count = 0
        return try await read(chunk) > 0
    }
}
