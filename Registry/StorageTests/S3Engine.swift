import Foundation
import Model
import Network
import Platform
import Storage
import Support
import Testing

@testable import Remote
@testable import Storage

/// Where the tests of object storage find some: stands of this process, and an engine that runs beside, if one is named.
enum S3Engine: String, CaseIterable {
    /// As Amazon's heeds conditions, and as Ceph's does.
    case amazon, ceph
    /// The one at CAKE_TEST_S3, with the keys of CAKE_TEST_S3_KEY and CAKE_TEST_S3_SECRET.
    case named

    static let there: [S3Engine] =
        ProcessInfo.processInfo.environment["CAKE_TEST_S3"] == nil ? [.amazon, .ceph] : [.amazon, .ceph, .named]

    /// A storage with a prefix of its own, whose requests go through what `between` puts before the engine.
    func with(
        largestRequest: UInt64 = 64 << 20, stallSeconds: Int = 60, between: (String) throws -> String = { $0 },
        _ body: (S3Storage, S3Stand?) async throws -> Void
    ) async throws {
        let variables = ProcessInfo.processInfo.environment
        let stand = self == .named ? nil : try S3Stand(self == .ceph ? .ceph : .amazon)
        let endpoint = stand?.endpoint ?? variables["CAKE_TEST_S3"] ?? ""
        var http = HTTPSettings(userAgent: "cake-tests")
        http.stallSeconds = stallSeconds
        let settings = try S3Settings(
            Environment(variables: [
                "AWS_ACCESS_KEY_ID": variables["CAKE_TEST_S3_KEY"] ?? "key",
                "AWS_SECRET_ACCESS_KEY": variables["CAKE_TEST_S3_SECRET"] ?? "secret",
            ]), endpoint: try between(endpoint))
        let client = S3Client(settings, client: try HTTPClient(http), line: Line(sleep: { _ in await Task.yield() }))
        let bucket = S3Bucket(try S3Place("s3://bucket/test-\(S3Bucket.newName)/a%2Fb c+d"), client)
        try await body(S3Storage(S3Values(bucket, largestRequest: largestRequest)), stand)
    }
}
