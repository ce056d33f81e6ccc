import Hub
import Model
import Network
import Platform

/// A hub over a folder, and a client to ask it with.
struct Stage {
    let folder: HubFolder
    let hub: Hub
    let client: HTTPClient

    /// Waits longer than any test may take: nothing ends by itself.
    static var patient: HTTPSettings {
        var settings = HTTPSettings(userAgent: "test")
        settings.stallSeconds = 600
        return settings
    }

    static let small = Array("{\"a\": 1}\n".utf8)

    /// `org/base` with a large and a small file, and another revision.
    init(_ settings: HubSettings = HubSettings(), client: HTTPSettings = Stage.patient) throws {
        folder = try HubFolder()
        try folder.write("org/base", ["config.json": Stage.small, "model.safetensors": Stage.large()])
        try folder.write("org/base", "config.json", Array("{}".utf8), revision: "refs/pr/1")
        hub = try Hub(serving: folder.path, settings)
        self.client = try HTTPClient(client)
    }

    /// Bytes that differ wherever one looks.
    static func large(_ count: Int = 100_000) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    }

    func request(
        _ path: String, _ method: HTTPRequest.Method = .get, range: Range<UInt64>? = nil, token: String? = nil,
        headers: [(name: String, value: String)] = []
    ) -> HTTPRequest {
        var request = HTTPRequest(method, path.hasPrefix("http") ? path : hub.endpoint + path)
        request.range = range
        request.headers = headers
        if let token { request.headers.append(("Authorization", "Bearer \(token)")) }
        return request
    }

    func ask(
        _ path: String, _ method: HTTPRequest.Method = .get, range: Range<UInt64>? = nil, token: String? = nil,
        headers: [(name: String, value: String)] = []
    ) async throws -> (head: HTTPHead, body: [UInt8]) {
        try await client.fetch(request(path, method, range: range, token: token, headers: headers), limit: 256 << 20)
    }

    func json(_ path: String, token: String? = nil) async throws -> JSONValue {
        let body = try await ask(path, token: token).body
        return try JSONValue(parsing: body.span, limit: 64 << 20)
    }

    /// The signed URL of the large file.
    func signedURL() async throws -> String {
        try await ask("/org/base/resolve/main/model.safetensors", .head).head["location"] ?? "none"
    }
}

/// Reads until the end or an error; gives what came, and whether it ended as it should.
func drain(_ exchange: HTTPExchange) async -> (bytes: [UInt8], isWhole: Bool) {
    var bytes: [UInt8] = []
    do {
        while let chunk = try await exchange.next() {
            chunk.withBytes { piece in for index in piece.indices { bytes.append(piece[index]) } }
            exchange.giveBack(chunk)
        }
        return (bytes, true)
    } catch {
        return (bytes, false)
    }
}
