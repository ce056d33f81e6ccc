/// A Hub's description of a repository, or of one result of a search. Its texts come from strangers: escape them before
/// printing.
public struct HubInfo: Hashable, Sendable {
    public enum Gate: String, Sendable {
        case open = "false"
        /// Everyone who accepts the terms gets access.
        case automatic = "auto"
        /// The owner decides.
        case manual
    }

    public internal(set) var id = ""
    /// The commit of the revision, in 40 hex digits. A search does not give it.
    public internal(set) var commit: String?
    public internal(set) var gate = Gate.open
    public internal(set) var isPrivate = false
    public internal(set) var isDisabled = false
    /// The files' paths, for servers whose listing has no tree.
    public internal(set) var paths: [FilePath] = []
    /// The models this one says it was made from.
    public internal(set) var baseModels: [String] = []
    public internal(set) var task: String?
    public internal(set) var library: String?
    public internal(set) var license: String?
    /// ISO 8601.
    public internal(set) var modified: String?
    public internal(set) var downloads: UInt64?
    public internal(set) var likes: UInt64?
    /// Parameters of each dtype, as the Hub counted them in safetensors files.
    public internal(set) var parameters: [String: UInt64] = [:]
    public internal(set) var parametersTotal: UInt64?

    public static let maximumSize = 64 << 20
    public static let maximumResults = 1000

    /// One repository, at a revision. Refused without a commit: then nothing could be pinned.
    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= HubInfo.maximumSize else {
            throw HubInfo.refuse("has \(bytes.count) bytes; the limit is \(HubInfo.maximumSize)")
        }
        var scanner = JSONScanner()
        do throws(CakeError) {
            self = try HubInfo.read(&scanner, in: bytes)
            try scanner.finish(in: bytes)
        } catch {
            throw HubInfo.refuse("is not valid: \(error.what)")
        }
        guard commit != nil else { throw HubInfo.refuse("has no commit") }
    }

    /// The results of a search, best first.
    public static func results(parsing bytes: Span<UInt8>) throws(CakeError) -> [HubInfo] {
        guard bytes.count <= maximumSize else {
            throw refuse("has \(bytes.count) bytes; the limit is \(maximumSize)")
        }
        var scanner = JSONScanner()
        var results: [HubInfo] = []
        do throws(CakeError) {
            try scanner.beginArray(in: bytes)
            while try scanner.nextElement(in: bytes) {
                guard results.count < maximumResults else { throw CakeError(.damaged, "too many results") }
                results.append(try read(&scanner, in: bytes))
            }
            try scanner.finish(in: bytes)
        } catch {
            throw refuse("is not valid: \(error.what)")
        }
        return results
    }

    static func refuse(_ why: String) -> CakeError {
        CakeError(
            .damaged, "the server's answer \(why)", fix: "check HF_ENDPOINT, and whether a proxy changes answers")
    }
}
