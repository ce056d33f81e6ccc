import Model
import Network
import Platform
import Support

@testable import Remote

/// Clients for tests of object storage.
enum S3Stage {
    static let keys = ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]

    static func client(
        _ endpoint: String, _ variables: [String: String] = keys, stallSeconds: Int = 60,
        now: @escaping @Sendable () -> Int = { Machine.now }
    ) throws -> S3Client {
        var http = HTTPSettings(userAgent: "cake-tests")
        http.stallSeconds = stallSeconds
        return S3Client(
            try S3Settings(Environment(variables: variables), endpoint: endpoint), client: try HTTPClient(http),
            line: Line(sleep: { _ in }), now: now)
    }

    static func bucket(_ endpoint: String, prefix: String = "some/prefix", stallSeconds: Int = 60) throws -> S3Bucket {
        S3Bucket(try S3Place("s3://bucket/\(prefix)"), try client(endpoint, stallSeconds: stallSeconds))
    }
}
