/// Which requests a misbehaviour is for. Everything that is set must hold.
public struct Match: Sendable {
    public var place: Place?
    public var method: String?
    /// Of the decoded path; for the CDN that is `/org/name/file`.
    public var pathEnding: String?
    public var pathPart: String?
    public var hasRange: Bool?
    /// So many matching requests are left alone first.
    public var skipping = 0
    /// And so many are treated; nil is all.
    public var times: Int?

    public init() {}

    public static var anything: Match { Match() }

    public static func path(endingIn ending: String) -> Match {
        var match = Match()
        match.pathEnding = ending
        return match
    }

    public static func path(with part: String) -> Match {
        var match = Match()
        match.pathPart = part
        return match
    }

    /// Bytes of a large file, at the second origin.
    public static func cdn(endingIn ending: String = "") -> Match {
        var match = path(endingIn: ending)
        match.place = .cdn
        return match
    }

    public func method(_ method: String) -> Match { changed { $0.method = method } }
    public func withRange(_ has: Bool = true) -> Match { changed { $0.hasRange = has } }
    public func skipping(_ count: Int) -> Match { changed { $0.skipping = count } }
    public func times(_ count: Int) -> Match { changed { $0.times = count } }
    /// What the Xet server says of a file, in either version of the answer or the one that is named.
    public static func reconstruction(version: Int? = nil) -> Match {
        path(with: version.map { "/v\($0)/reconstructions/" } ?? "/reconstructions/").at(.cas)
    }

    public func at(_ place: Place) -> Match { changed { $0.place = place } }

    private func changed(_ change: (inout Match) -> Void) -> Match {
        var match = self
        change(&match)
        return match
    }

    func fits(_ request: HubRequest) -> Bool {
        if let place, place != request.place { return false }
        if let method, method != request.method { return false }
        if let pathEnding, !request.path.hasSuffix(pathEnding) { return false }
        if let pathPart, !request.path.contains(pathPart) { return false }
        if let hasRange, hasRange != (request.range != nil) { return false }
        return true
    }
}

/// A fault of a hub. Bytes are counted in the body of the answer; for `flip` and `overwrite` in the file.
public enum Misbehaviour: Sendable {
    /// The connection is reset after so many bytes of body.
    case cut(afterBytes: UInt64)
    /// Content-Length is right, the connection ends in order so many bytes too early.
    case shorter(by: UInt64)
    /// So many bytes follow those that Content-Length announces; then the connection ends.
    case longer(by: UInt64)
    /// Content-Length and body agree with each other and are too small.
    case understated(by: UInt64)
    case flip(atByte: UInt64)
    case overwrite(atByte: UInt64, [UInt8])
    /// 200 and all of it, whatever range was asked for.
    case ignoreRange
    /// Set, or with nil left out.
    case header(String, String?)
    case answer(Int, headers: [String: String] = [:], body: String = "")
    /// After so many bytes nothing comes until `Hub.release()` or the client leaves.
    case stall(afterBytes: UInt64)
    case startAfter(Duration)
    case drip(bytesPerSecond: Int)
    case redirect(to: String, status: Int = 302)
    case redirectToItself
    /// Every signed URL handed out so far expires once so many bytes of this answer are sent, and the connection is cut.
    case expire(afterBytes: UInt64)
    case gzip
    /// Another file's bytes, size and ETag; of a Xet server, another file's terms.
    case serve(path: String)
    case headerFlood(bytes: Int)
    /// The connection ends without an answer.
    case hangUp
    /// Something of the test's own, before the answer is made.
    case run(@Sendable () -> Void)
    /// More entries at the end of a tree: path, size, and the sha256 that is claimed.
    case treeEntries([TreeEntry])
    /// A tree of so many files instead of the real one, in pages.
    case hugeTree(files: Int)
    /// Every page of the tree has a next one.
    case endlessTree
    case maskedHashes
    /// Each term of a reconstruction claims so many more bytes.
    case claimMore(bytes: UInt64)

    public struct TreeEntry: Sendable {
        public var path: String
        public var size: UInt64
        /// 64 hex digits; nil for a file that is in git itself.
        public var sha256: String?

        public init(path: String, size: UInt64, sha256: String? = nil) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }
}

/// A safetensors header's length as its first eight bytes, for `overwrite(atByte: 0, …)`.
public func safetensorsLength(_ length: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
}

/// The misbehaviours that are set, each with how often it was met.
struct Rules {
    struct Rule {
        let number: Int
        let match: Match
        let acts: [Misbehaviour]
        var met = 0
    }

    private var rules: [Rule] = []
    private var last = 0

    mutating func add(_ acts: [Misbehaviour], _ match: Match) -> Int {
        last += 1
        rules.append(Rule(number: last, match: match, acts: acts))
        return last
    }

    mutating func remove(_ number: Int?) { rules.removeAll { number == nil || $0.number == number } }

    mutating func acts(for request: HubRequest) -> [Misbehaviour] {
        var acts: [Misbehaviour] = []
        for index in rules.indices where rules[index].match.fits(request) {
            rules[index].met += 1
            let match = rules[index].match
            let turn = rules[index].met - match.skipping
            if turn >= 1, turn <= match.times ?? .max { acts += rules[index].acts }
        }
        return acts
    }
}
