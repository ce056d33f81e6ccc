/// A zip archive whose members are stored as they are, worked out before a byte of it is written: where each member lies,
/// and every byte between them but the checksums.
///
///     local header | name | filler | bytes | descriptor, when streamed … directory | end records
///
/// Written to a file, a header waits for its member's checksum. A stream cannot: there the checksum of what is not
/// known beforehand follows the bytes, and stands in the directory.
public struct ZipLayout: Sendable {
    /// A layer and where in its member it begins. Between runs lie zeros.
    public struct Run: Hashable, Sendable {
        public let layer: Layer
        public let offset: UInt64

        public init(layer: Layer, offset: UInt64) {
            self.layer = layer
            self.offset = offset
        }
    }

    public enum Content: Hashable, Sendable {
        case bytes([UInt8])
        /// In order.
        case runs([Run])
    }

    public struct Member: Hashable, Sendable {
        public let name: String
        public let size: UInt64
        public let content: Content
        /// A power of two; its bytes begin at a multiple of it.
        let alignment: UInt64

        public init(_ name: String, bytes: [UInt8]) {
            self.name = name
            size = UInt64(bytes.count)
            content = .bytes(bytes)
            alignment = 1
        }

        public init(_ name: String, size: UInt64, runs: [Run], alignment: UInt64 = 1) {
            self.name = name
            self.size = size
            content = .runs(runs)
            self.alignment = alignment
        }

        var isMade: Bool { if case .bytes = content { true } else { false } }
    }

    public struct Place: Hashable, Sendable {
        /// Of the local header.
        public let header: UInt64
        public let data: UInt64
    }

    public let members: [Member]
    public let places: [Place]
    /// Checksums of layers follow them.
    public let isStreamed: Bool
    public let directoryStart: UInt64
    /// Of the whole file.
    public let size: UInt64

    public init(_ members: [Member], isStreamed: Bool) throws(CakeError) {
        var places: [Place] = []
        places.reserveCapacity(members.count)
        var position: UInt64 = 0
        var directory: UInt64 = 0
        for member in members {
            guard member.name.utf8.count <= ZipLayout.longestName else {
                throw CakeError(.failed, "\"\(Printable.escape(member.name))\" is too long a name for an archive")
            }
            let bare = position + UInt64(ZipLayout.bareHeaderSize(of: member))
            let data = bare + UInt64(ZipLayout.filler(from: bare, alignment: member.alignment))
            let (end, overflow) = data.addingReportingOverflow(member.size)
            guard !overflow, end <= ByteCount.maximum else {
                throw CakeError(.failed, "an archive would have more than \(ByteCount.maximum) bytes")
            }
            places.append(Place(header: position, data: data))
            directory += UInt64(ZipLayout.directoryEntrySize(of: member, at: position))
            position = end + UInt64(ZipLayout.descriptorSize(of: member, isStreamed: isStreamed))
        }
        self.members = members
        self.places = places
        self.isStreamed = isStreamed
        directoryStart = position
        size = position + directory + UInt64(ZipLayout.endSize)
    }

    /// A path inside of a model has at most 1024 bytes.
    static let longestName = 2048

    /// The value of a 32-bit field whose number is elsewhere.
    static let elsewhere = UInt64(UInt32.max)

    /// Whether its checksum follows the bytes instead of going before them.
    func isDescribedAfter(_ member: Member) -> Bool {
        isStreamed && !member.isMade && member.size > 0
    }

    static func isLong(_ member: Member) -> Bool { member.size >= elsewhere }

    static func bareHeaderSize(of member: Member) -> Int { 30 + member.name.utf8.count + (isLong(member) ? 20 : 0) }

    private static func directoryEntrySize(of member: Member, at header: UInt64) -> Int {
        let extra = (isLong(member) ? 16 : 0) + (header >= elsewhere ? 8 : 0)
        return 46 + member.name.utf8.count + (extra > 0 ? 4 + extra : 0)
    }

    private static func descriptorSize(of member: Member, isStreamed: Bool) -> Int {
        guard isStreamed, !member.isMade, member.size > 0 else { return 0 }
        return isLong(member) ? 24 : 16
    }

    static let endSize = 56 + 20 + 22

    /// How long the extra field has to be that moves the bytes to where they belong; it has four bytes of its own.
    static func filler(from position: UInt64, alignment: UInt64) -> Int {
        let missing = (alignment - position % alignment) % alignment
        return Int(missing > 0 && missing < 4 ? missing + alignment : missing)
    }
}
