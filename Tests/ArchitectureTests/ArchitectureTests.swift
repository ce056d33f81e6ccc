import Foundation
import Testing

@Suite struct `The sources` {
    /// The targets that each target may import. All others are forbidden.
    static let table: [String: Set<String>] = [
        "Model": [],
        "Platform": [
            "Model", "CShims", "CKernels", "CZstd", "CCrypto", "CXXHash", "CZlib", "CDeflate", "Glibc",
            "Synchronization",
        ],
        "Codec": ["Model", "Platform", "Synchronization"],
        "Store": ["Model", "Platform", "Codec", "Synchronization"],
        "Library": ["Model", "Platform", "Store", "CCake", "Synchronization"],
        "Network": ["Model", "Platform", "CNetwork", "CCurl", "CMicroHTTPD", "Glibc", "Synchronization"],
        "Remote": ["Model", "Platform", "Network", "Synchronization"],
        "Transfer": ["Model", "Platform", "Store", "Remote", "Synchronization"],
        "Mount": ["Model", "Platform", "Store", "Transfer", "CMount", "Glibc", "Synchronization"],
        "Storage": ["Model", "Platform", "Codec", "Store", "Remote", "Synchronization"],
        "Mirror": ["Model", "Platform", "Store", "Storage", "Network", "Remote", "Transfer", "Synchronization"],
        "Server": ["Model", "Platform", "Store", "Storage", "Network", "Transfer", "Mirror", "Synchronization"],
        "cake": [
            "Model", "Platform", "Codec", "Store", "Storage", "Network", "Remote", "Transfer", "Mirror", "Server",
            "Mount", "Synchronization",
        ],
    ]

    struct Source {
        let target: String
        /// From the top of the package.
        let path: String
        let lines: [Substring]
    }

    static let top = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL

    /// The sources of the program.
    static func program() throws -> [Source] {
        try sources(under: "Sources") + sources(under: "Registry").filter { !$0.target.hasSuffix("Tests") }
    }

    static func sources(under folder: String) throws -> [Source] {
        let base = top.appending(path: folder)
        return try FileManager.default.subpathsOfDirectory(atPath: base.path).filter { $0.hasSuffix(".swift") }.sorted()
            .map {
                let text = try String(contentsOf: base.appending(path: $0), encoding: .utf8)
                return Source(
                    target: String($0.prefix { $0 != "/" }), path: folder + "/" + $0,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
    }

    /// A line without its comment, as words.
    static func words(_ line: Substring) -> [Substring] {
        let code = line.range(of: "//").map { line[..<$0.lowerBound] } ?? line
        return code.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    }

    @Test func `import only what lies below them`() throws {
        let sources = try Self.program()
        #expect(sources.count > 50)
        for source in sources {
            let allowed = try #require(Self.table[source.target], "\(source.path): the table does not know its target")
            for line in source.lines {
                let words = Self.words(line)
                guard let place = words.firstIndex(of: "import"), words.count == place + 2 else { continue }
                guard words[..<place].allSatisfy({ ["public", "internal", "private", "testable"].contains($0) }) else {
                    continue
                }
                let imported = String(words[place + 1])
                #expect(allowed.contains(imported), "\(source.path) imports \(imported)")
            }
        }
    }

    /// The only folder of Mount that knows libfuse, and that of Library with the pointers of callers.
    static let edges = ["Sources/Mount/Kernel/", "Sources/Library/Interface/"]

    @Test func `touch memory and C in Platform, Network and the edges of Mount and Library alone`() throws {
        for source in try Self.program()
        where !["Platform", "Network"].contains(source.target) && !Self.edges.contains(where: source.path.hasPrefix) {
            for (number, line) in source.lines.enumerated()
            where ["CMount", "Glibc"].contains(where: Self.words(line).contains) {
                Issue.record("\(source.path):\(number + 1) imports C")
            }
            for (number, line) in source.lines.enumerated() where Self.words(line).contains("unsafe") {
                Issue.record("\(source.path):\(number + 1) says unsafe")
            }
        }
    }

    @Test func `are files that fit a reader's head`() throws {
        for folder in ["Sources", "Registry", "Tests"] {
            for source in try Self.sources(under: folder) {
                #expect(source.lines.count <= 301, "\(source.path) has \(source.lines.count) lines")
            }
        }
    }

    @Test func `lie in folders that can be seen at a glance`() throws {
        for top in ["Sources", "Registry", "Tests"] {
            let folders = Dictionary(grouping: try Self.sources(under: top)) {
                $0.path.split(separator: "/").dropLast().joined(separator: "/")
            }
            for (folder, sources) in folders { #expect(sources.count <= 25, "\(folder) holds \(sources.count) files") }
        }
    }

    @Test func `have no way to end the process in the middle of work`() throws {
        for source in try Self.program() {
            for (number, line) in source.lines.enumerated() {
                let words = Self.words(line)
                let isTrying = words.contains("try") && line.contains("try!")
                #expect(!isTrying && !words.contains("fatalError"), "\(source.path):\(number + 1) traps")
            }
        }
    }
}
