import Model
import Network
import Platform
import Support
import Synchronization
import Testing

@testable import Remote

@Suite struct `A refusal of object storage` {
    /// What a client says about an answer with an error document.
    private func error(
        _ status: Int, _ code: String, more: String = "", _ headers: [(String, String)] = [],
        _ variables: [String: String] = S3Stage.keys
    ) async throws -> CakeError {
        let text = "<Error><Code>\(code)</Code><Message>words</Message>\(more)</Error>"
        let server = try HTTPServer(
            ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool
        ) { _ in .quick { ServerReply(status, headers.map { ($0.0, $0.1) }, .bytes(Array(text.utf8))) } }
        let client = try S3Stage.client("http://127.0.0.1:\(server.port)", variables)
        let bucket = S3Bucket(try S3Place("s3://models/a"), client)
        do {
            _ = try await bucket.open("key")
        } catch let failure as TransientFailure {
            return failure.error
        } catch let error as CakeError { return error }
        return CakeError(.failed, "nothing was refused")
    }

    @Test func `says whose key is wrong, and prints none`() async throws {
        let unknown = try await error(403, "InvalidAccessKeyId")
        #expect(unknown.what.contains("does not know the access key from AWS_ACCESS_KEY_ID"))
        let wrong = try await error(403, "SignatureDoesNotMatch")
        #expect(wrong.kind == .notAuthorised && wrong.what.contains("rejected the signature"))
        let denied = try await error(403, "AccessDenied")
        #expect(denied.what.contains("does not allow s3://models/a/key with the credentials from AWS_ACCESS_KEY_ID"))
        for error in [unknown, wrong, denied] {
            #expect(error.fix != nil && !error.what.contains("secret,") && !error.description.contains("Signature="))
        }
    }

    @Test func `says that no credentials were found`() async throws {
        let found = try await error(403, "AccessDenied", [], ["HOME": "/nowhere"])
        #expect(found.what.contains("no credentials were found"))
        #expect(found.fix?.contains("AWS_ACCESS_KEY_ID") == true)
    }

    @Test func `for a clock that is wrong says both times`() async throws {
        let found = try await error(
            403, "RequestTimeTooSkewed",
            more: "<RequestTime>20130524T000000Z</RequestTime><ServerTime>2013-05-24T01:02:03Z</ServerTime>")
        #expect(found.what.contains("here it is 2013-05-24T00:00:00Z, there 2013-05-24T01:02:03Z"))
        #expect(found.fix?.contains("set-ntp") == true)
    }

    @Test func `for a bucket elsewhere names the region`() async throws {
        let found = try await error(400, "AuthorizationHeaderMalformed", more: "<Region>eu-west-1</Region>")
        #expect(found.fix == "set AWS_REGION=eu-west-1")
        let moved = try await error(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-north-1")])
        #expect(moved.fix == "set AWS_REGION=eu-north-1")
    }

    @Test func `that leads to another host takes no signature there`() async throws {
        let seen = Seen()
        let other = try HTTPServer(
            ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool
        ) { request in
            seen.requests.withLock { $0 += 1 }
            return .quick { ServerReply(200) }
        }
        let place = "http://127.0.0.1:\(other.port)/x"
        let found = try await error(307, "TemporaryRedirect", [("Location", place)])
        #expect(found.what.contains("redirects s3://models/a/key elsewhere"))
        #expect(seen.requests.withLock { $0 } == 0)
    }

    private final class Seen: Sendable { let requests = Mutex(0) }

    @Test func `for a bucket that is missing is no missing value`() async throws {
        let found = try await error(404, "NoSuchBucket")
        #expect(found.kind == .notFound && found.what.contains("has no bucket models"))
        let page = try await error(404, "SomethingElse")
        #expect(page.kind == .notFound)
    }

    @Test func `that is not XML is no missing value either`() async throws {
        let server = try HTTPServer(
            ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool
        ) { _ in .quick { ServerReply(404, [], .bytes(Array("<html>not here</html>".utf8))) } }
        let bucket = try S3Stage.bucket("http://127.0.0.1:\(server.port)")
        await #expect(throws: CakeError.self) { try await bucket.open("key") }
    }

    @Test func `has its characters made harmless`() async throws {
        let found = try await error(403, "Access&#x1b;Denied")
        #expect(found.what.contains("Access\\u{1b}Denied") && !found.what.contains("\u{1b}"))
    }
}
