import Model
import Network
import Platform
import Support
import Synchronization
import Testing

@testable import Remote

@Suite struct `Credentials for object storage` {
    private func chain(
        _ variables: [String: String], now: @escaping @Sendable () -> Int = { 1000 }
    ) throws -> S3CredentialChain {
        S3CredentialChain(
            try S3Settings(Environment(variables: variables)),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")), now: now)
    }

    private func files(_ scratch: Scratch, credentials: String = "", config: String = "") throws -> [String: String] {
        try Disk.replace(scratch["credentials"], with: Array(credentials.utf8), isPrivate: true)
        try Disk.replace(scratch["config"], with: Array(config.utf8), isPrivate: true)
        return ["AWS_SHARED_CREDENTIALS_FILE": scratch["credentials"], "AWS_CONFIG_FILE": scratch["config"]]
    }

    @Test func `come from the environment before any file`() async throws {
        let scratch = try Scratch()
        var variables = try files(scratch, credentials: "[default]\naws_access_key_id=f\naws_secret_access_key=g")
        #expect(try await chain(variables).current()?.keyID == "f")
        variables.merge(["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"]) { $1 }
        let found = try #require(try await chain(variables).current())
        #expect(found.keyID == "a" && found.session == "c" && found.source == "AWS_ACCESS_KEY_ID")
        variables["AWS_SECRET_ACCESS_KEY"] = nil
        let half = try chain(variables)
        await #expect(throws: CakeError.self) { try await half.current() }
    }

    @Test func `come from the profile that was named, with its region and style`() async throws {
        let scratch = try Scratch()
        var variables = try files(
            scratch, credentials: "[work]\naws_access_key_id=w\naws_secret_access_key=x\n",
            config:
                "[profile work]\nregion=eu-west-3\nendpoint_url=http://s3.local:1\ns3=\n  addressing_style=virtual\n")
        #expect(try await chain(variables).current() == nil)
        variables["AWS_PROFILE"] = "work"
        #expect(try await chain(variables).current()?.keyID == "w")
        let settings = try S3Settings(Environment(variables: variables))
        #expect(settings.endpoint.region == "eu-west-3")
        #expect(try settings.endpoint.url("models", key: "k").text == "http://models.s3.local:1/k")
        variables["AWS_PROFILE"] = "other"
        let missing = variables
        #expect(throws: CakeError.self) { try S3Settings(Environment(variables: missing)) }
    }

    @Test func `of a profile that cake cannot read say how to get them`() async throws {
        let scratch = try Scratch()
        let found = try chain(try files(scratch, config: "[default]\nsso_session=x\n"))
        let error = await #expect(throws: CakeError.self) { try await found.current() }
        #expect(error?.fix?.contains("aws configure export-credentials") == true)
    }

    /// A token service whose credentials end at `end`.
    private func service(_ seen: Seen, end: String = "1970-01-01T01:00:00Z") throws -> HTTPServer {
        try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool) { request in
            .holding(atMost: 1 << 20) { body in
                let text = String(decoding: body ?? [], as: UTF8.self)
                let number = seen.bodies.withLock { bodies in
                    bodies.append("\(request.method) \(request.address) \(text)")
                    return bodies.count
                }
                if text.contains("bad-token") { return ServerReply(400, [], .bytes(Array(Self.refusal.utf8))) }
                let answer =
                    "<R xmlns=\"x\"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>k\(number)</AccessKeyId>"
                    + "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>\(end)</Expiration>"
                    + "</Credentials></AssumeRoleWithWebIdentityResult></R>"
                return ServerReply(200, [], .bytes(Array(answer.utf8)))
            }
        }
    }

    private static let refusal =
        "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>"

    private final class Seen: Sendable { let bodies = Mutex<[String]>([]) }

    @Test func `of a token file are renewed before they end`() async throws {
        let (scratch, seen, time) = (try Scratch(), Seen(), Clock())
        let server = try service(seen)
        try Disk.replace(scratch["token"], with: Array("identity\n".utf8), isPrivate: true)
        let found = try chain(
            [
                "AWS_WEB_IDENTITY_TOKEN_FILE": scratch["token"], "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
                "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:\(server.port)", "HOME": "/nowhere",
            ], now: { time.now.withLock { $0 } })
        #expect(try await found.current()?.keyID == "k1")
        #expect(try await found.current()?.keyID == "k1")
        #expect(seen.bodies.withLock { $0.first }?.contains("WebIdentityToken=identity") == true)
        #expect(seen.bodies.withLock { $0.first }?.hasPrefix("POST / Action=AssumeRoleWithWebIdentity") == true)
        time.now.withLock { $0 = 3400 }
        #expect(try await found.current()?.keyID == "k2")
    }

    private final class Clock: Sendable { let now = Mutex(1000) }

    @Test func `that cannot be renewed are used to their end`() async throws {
        let (scratch, seen, time) = (try Scratch(), Seen(), Clock())
        let server = try service(seen)
        try Disk.replace(scratch["token"], with: Array("identity".utf8), isPrivate: true)
        let found = try chain(
            [
                "AWS_WEB_IDENTITY_TOKEN_FILE": scratch["token"], "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
                "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:\(server.port)", "HOME": "/nowhere",
            ], now: { time.now.withLock { $0 } })
        _ = try await found.current()
        try Disk.replace(scratch["token"], with: Array("bad-token".utf8), isPrivate: true)
        time.now.withLock { $0 = 3400 }
        #expect(try await found.current()?.keyID == "k1")
        time.now.withLock { $0 = 3600 }
        let error = await #expect(throws: CakeError.self) { try await found.current() }
        #expect(error?.what.contains("InvalidIdentityToken") == true && error?.what.contains("bad-token") == false)
    }

    @Test func `are not asked for where the token would be read on the way`() async throws {
        let scratch = try Scratch()
        try Disk.replace(scratch["token"], with: Array("identity".utf8), isPrivate: true)
        let found = try chain([
            "AWS_WEB_IDENTITY_TOKEN_FILE": scratch["token"], "AWS_ROLE_ARN": "r",
            "AWS_ENDPOINT_URL_STS": "http://sts.example", "HOME": "/nowhere",
        ])
        let error = await #expect(throws: CakeError.self) { try await found.current() }
        #expect(error?.what.contains("not encrypted") == true)
    }

    @Test func `come from the machine only where the profile says so`() async throws {
        let (scratch, seen) = (try Scratch(), Seen())
        let server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool) {
            request in
            seen.bodies.withLock { $0.append("\(request.method) \(request.address)") }
            let hasToken = request["x-aws-ec2-metadata-token"] == "tok"
            return .quick {
                if request.method == "PUT" { return ServerReply(200, [], .bytes(Array("tok".utf8))) }
                guard hasToken else { return ServerReply(401) }
                let json = #"{"AccessKeyId":"m","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-01T00:00:00Z"}"#
                let text = request.address.hasSuffix("/role") ? json : "role\n"
                return ServerReply(200, [], .bytes(Array(text.utf8)))
            }
        }
        let place = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)"]
        let silent = try chain(try files(scratch).merging(place) { $1 })
        #expect(try await silent.current() == nil && seen.bodies.withLock { $0.isEmpty })
        let asking = try chain(
            try files(scratch, config: "[default]\ncredential_source = Ec2InstanceMetadata\n").merging(place) { $1 })
        #expect(try await asking.current()?.keyID == "m")
        #expect(seen.bodies.withLock { $0.first } == "PUT /latest/api/token")
    }
}
