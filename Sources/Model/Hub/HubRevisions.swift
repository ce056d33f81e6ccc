/// Branches and tags of a repository, as its server lists them. Names are a stranger's: escape them before printing.
public struct HubRevisions: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let name: String
        /// In 40 hex digits; nil where the server does not say it so.
        public let commit: String?

        public init(name: String, commit: String?) {
            self.name = name
            self.commit = commit
        }
    }

    public let branches: [Entry]
    public let tags: [Entry]

    public static let maximumSize = 16 << 20

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        let document: JSONValue
        do throws(CakeError) {
            document = try JSONValue(parsing: bytes, limit: HubRevisions.maximumSize)
        } catch {
            throw HubInfo.refuse("is not valid: \(error.what)")
        }
        func entries(_ key: String) -> [Entry] {
            (document[key]?.array ?? []).compactMap { entry in
                guard let name = entry["name"]?.string else { return nil }
                let commit = entry["targetCommit"]?.string
                return Entry(name: name, commit: commit.flatMap { Revision.isCommit($0) ? $0 : nil })
            }
        }
        branches = entries("branches")
        tags = entries("tags")
    }
}
