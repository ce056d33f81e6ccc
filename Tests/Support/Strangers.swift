internal import Model
internal import Network
internal import Platform

/// A registry with one model under every tag of every name, described as a test wants. It has none of its packs.
public final class StrangeRegistry: Sendable {
    private let server: HTTPServer

    public init(_ model: RawModel) throws {
        var answers: [String: [UInt8]] = [:]
        let artifact = model.artifact
        let name = BlobName(SHA256.digest(of: artifact.span))
        for blob in model.blobs { answers["\(BlobName(SHA256.digest(of: blob.span)))"] = blob }
        let known = answers
        server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool) { request in
            let path = request.address.split(separator: "?")[0]
            let last = String(path.split(separator: "/").last ?? "")
            return .quick {
                if path == "/v2/" { return ServerReply(200) }
                if path.contains("/manifests/") {
                    return ServerReply(
                        200, [("Content-Type", RegistryManifest.image), ("Docker-Content-Digest", "\(name)")],
                        .bytes(artifact))
                }
                if path.hasSuffix("/tags/list") {
                    return ServerReply(200, [], .bytes(Array(#"{"name":"m","tags":["latest","v1"]}"#.utf8)))
                }
                return known[last].map { ServerReply(200, [], .bytes($0)) } ?? ServerReply(404)
            }
        }
    }

    public var host: String { "127.0.0.1:\(server.port)" }
}

/// A Hub that has one repository, `org/m`, whose list of files is a text. It sends zeros for every range that it is asked for.
public final class StrangeHub: Sendable {
    private let server: HTTPServer
    private static let commit = String(repeating: "a", count: 40)

    /// `files` are names and sizes.
    public convenience init(_ files: [(path: String, size: UInt64)]) throws {
        let entries = files.map { path, size in
            #"{"type":"file","path":"\#(path)","size":\#(size),"oid":"\#(StrangeHub.commit)","#
                + #""lfs":{"oid":"\#(RawModel.digest(5).hex)","size":\#(size),"pointerSize":130}}"#
        }
        try self.init(tree: "[\(entries.joined(separator: ","))]", sizes: Dictionary(uniqueKeysWithValues: files))
    }

    public init(tree: String, sizes: [String: UInt64]) throws {
        let info = #"{"id":"org/m","sha":"\#(StrangeHub.commit)","private":false,"gated":false,"siblings":[]}"#
        let commit = StrangeHub.commit
        server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool) { request in
            let path = String(request.address.split(separator: "?")[0])
            return .quick {
                let json = [(name: "Content-Type", value: "application/json")]
                if path.contains("/tree/") { return ServerReply(200, json, .bytes(Array(tree.utf8))) }
                if path.hasPrefix("/api/models/org/m") { return ServerReply(200, json, .bytes(Array(info.utf8))) }
                guard let size = sizes[String(path.split(separator: "/").last ?? "")] else { return ServerReply(404) }
                let headers = [(name: "ETag", value: "\"\(RawModel.digest(5).hex)\""), ("X-Repo-Commit", commit)]
                guard case .part(let range) = ByteRange(header: request["range"], size: size) else {
                    return ServerReply(200, headers)
                }
                let count = min(range.upperBound - range.lowerBound, 64 << 10)
                let said = "bytes \(range.lowerBound)-\(range.lowerBound + count - 1)/\(size)"
                return ServerReply(
                    206, headers + [("Content-Range", said)], .bytes([UInt8](repeating: 0, count: Int(count))))
            }
        }
    }

    public var endpoint: String { "http://127.0.0.1:\(server.port)" }
}
