/// A value beside a blob of a bucket that a collection wants to remove. Servers, and programs that push without one, look for it
/// before they call the blob here. docs/decisions/0020 says why no blob is lost.
public struct Tombstone: Hashable, Sendable {
    public enum State: String, Sendable {
        /// A server or client that needs the blob removes the tombstone. Then the blob stays.
        case waiting
        /// The blob counts as gone.
        case deleting
    }

    public let state: State
    /// Random. Two tombstones never have the same bytes, and so never the same version.
    public let number: UploadName

    public init(_ state: State, using random: inout some RandomNumberGenerator) {
        (self.state, number) = (state, UploadName(using: &random))
    }

    private static let mark = "cake registry tombstone 1\n"

    /// `key` is for the message.
    public init(parsing bytes: [UInt8], at key: String) throws(CakeError) {
        let text = String(decoding: bytes, as: UTF8.self)
        let words = text.dropFirst(Tombstone.mark.count).dropLast()
            .split(separator: " ", omittingEmptySubsequences: false)
        guard text.hasPrefix(Tombstone.mark), text.utf8.last == 0x0a, words.count == 2,
            let state = State(rawValue: String(words[0])), let number = UploadName(String(words[1]))
        else {
            throw CakeError(
                .damaged, "\(Printable.escape(key)) is not a tombstone of a collection",
                fix: "if no newer cake runs cake gc there, delete this key")
        }
        (self.state, self.number) = (state, number)
    }

    public var text: [UInt8] { Array("\(Tombstone.mark)\(state.rawValue) \(number)\n".utf8) }

    /// No tombstone is longer.
    public static let longest = 256

    public static let folder = "tombstones"

    public static func key(of blob: Digest) -> String { folder + "/" + blob.hex }

    /// A collection waits so many seconds between the tombstone and its claim, longer than any request may live. A claim that is
    /// older has no DELETE under way any more.
    public static let wait = 600

    /// A request that writes a manifest is refused after this time, and a collection sends no DELETE so long after its claim.
    public static let longestRequest = Duration.seconds(240)

    /// What is remembered of all tombstones is not older.
    public static let memory = Duration.seconds(2)

    /// An upload waits so long for a collection that is removing its blob.
    public static let patience = Duration.seconds(30)

    /// Whether it may be removed for the sake of the blob, `age` seconds after it was written.
    public func yields(atAge age: Int) -> Bool { state == .waiting || age > Tombstone.wait }
}
