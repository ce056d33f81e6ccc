import Model
import Platform
import Support
import Testing

@testable import Remote

/// The examples of Amazon's description of the signature.
@Suite struct `The signature of a request` {
    private let signature: S3Signature

    init() throws {
        let credentials = try S3Credentials(
            keyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", source: "a test")
        signature = S3Signature(credentials: credentials, region: "us-east-1", time: 1_369_353_600)
    }

    private func url(_ key: String?, _ query: [(name: String, value: String)] = []) throws -> WebURL {
        try S3Endpoint("https://s3.amazonaws.com", region: "us-east-1", style: .virtual)
            .url("examplebucket", key: key, query: query)
    }

    private func signed(_ url: WebURL, _ headers: [(name: String, value: String)] = []) -> String {
        let all = signature.headers("GET", url, headers, payload: Digest.empty.hex)
        return all.first { $0.name == "Authorization" }?.value ?? ""
    }

    @Test func `is that of Amazon's example for a range`() throws {
        let found = signed(try url("test.txt"), [("Range", "bytes=0-9")])
        #expect(found.hasSuffix("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"))
        #expect(found.contains("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"))
        #expect(found.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"))
    }

    @Test func `is that of Amazon's example for a listing, in any order of the query`() throws {
        let found = signed(try url(nil, [("prefix", "J"), ("max-keys", "2")]))
        #expect(found.hasSuffix("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
    }

    @Test func `in an address is that of Amazon's example`() throws {
        let link = signature.link("GET", try url("test.txt"), seconds: 86400).text
        #expect(
            link.contains("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
    }

    @Test func `has a key of any length, as RFC 4231 says`() {
        let long = HMAC.sha256(
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8).span,
            key: [UInt8](repeating: 0xaa, count: 131))
        #expect(long.hex == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        let short = HMAC.sha256(Array("what do ya want for nothing?".utf8).span, key: Array("Jefe".utf8))
        #expect(short.hex == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `has a session's token among its headers`() throws {
        let credentials = try S3Credentials(keyID: "a", secret: "b", session: "token", source: "a test")
        let signature = S3Signature(credentials: credentials, region: "eu-west-1", time: 0)
        let headers = signature.headers("GET", try url("k"), [], payload: S3Signature.unsigned)
        #expect(headers.contains { $0 == ("x-amz-security-token", "token") })
        #expect(headers.last?.value.contains("x-amz-security-token") == true)
    }

    @Test func `needs a secret that is never printed`() throws {
        let credentials = try S3Credentials(keyID: "id-of-key", secret: "very-secret", session: "ses", source: "a test")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", "\([credentials])", dumped] {
            #expect(!text.contains("very-secret") && !text.contains("id-of-key") && !text.contains("ses,"))
        }
        #expect(throws: CakeError.self) { try S3Credentials(keyID: "a\nb", secret: "c", source: "a test") }
    }
}
