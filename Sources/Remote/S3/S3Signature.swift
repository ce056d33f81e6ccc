internal import Model
internal import Platform

/// Signatures of requests, version 4. The secret itself is never sent.
struct S3Signature {
    typealias Header = (name: String, value: String)

    let credentials: S3Credentials
    let region: String
    var service = "s3"
    /// Seconds since 1970.
    let time: Int

    private static let algorithm = "AWS4-HMAC-SHA256"
    /// For bytes whose digest is not known, under TLS.
    static let unsigned = "UNSIGNED-PAYLOAD"
    /// How long an address that was signed is accepted.
    static let longestLink = 300

    private var stamp: String { S3Time.stamp(time) }
    private var scope: String { "\(stamp.prefix(8))/\(region)/\(service)/aws4_request" }

    /// The headers that sign a request. All of `headers` are signed: they go out as they are.
    func headers(_ method: String, _ url: WebURL, _ headers: [Header], payload: String) -> [Header] {
        var own: [Header] = [("x-amz-content-sha256", payload), ("x-amz-date", stamp)]
        if let session = credentials.session { own.append(("x-amz-security-token", session)) }
        let (request, names) = canonical(method, url, headers + own + [("host", url.origin.authority)], payload)
        let authorization =
            "\(S3Signature.algorithm) Credential=\(credentials.keyID)/\(scope),SignedHeaders=\(names),"
            + "Signature=\(signature(of: request))"
        return own + [("Authorization", authorization)]
    }

    /// An address that answers without credentials for a short while. It is a secret for that long.
    func link(_ method: String, _ url: WebURL, seconds: Int) -> WebURL {
        var query: [(name: String, value: String)] = [
            ("X-Amz-Algorithm", S3Signature.algorithm), ("X-Amz-Credential", "\(credentials.keyID)/\(scope)"),
            ("X-Amz-Date", stamp), ("X-Amz-Expires", "\(seconds)"), ("X-Amz-SignedHeaders", "host"),
        ]
        if let session = credentials.session { query.append(("X-Amz-Security-Token", session)) }
        let (request, _) = canonical(
            method, url.with(query), [("host", url.origin.authority)], S3Signature.unsigned)
        return url.with(query + [("X-Amz-Signature", signature(of: request))])
    }

    private func canonical(
        _ method: String, _ url: WebURL, _ headers: [Header], _ payload: String
    ) -> (request: String, names: String) {
        let sorted = headers.map { ($0.name.lowercased(), S3Signature.squeezed($0.value)) }.sorted { $0.0 < $1.0 }
        let names = sorted.map(\.0).joined(separator: ";")
        let lines = sorted.map { "\($0.0):\($0.1)\n" }.joined()
        return ([method, url.path, url.query ?? "", lines, names, payload].joined(separator: "\n"), names)
    }

    /// Without space at the ends, and with one for many.
    private static func squeezed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    private func signature(of request: String) -> String {
        let digest = SHA256.digest(of: Array(request.utf8).span).hex
        let text = [S3Signature.algorithm, stamp, scope, digest].joined(separator: "\n")
        func mac(_ text: some StringProtocol, _ key: [UInt8]) -> [UInt8] {
            HMAC.sha256(Array(text.utf8).span, key: key).bytes
        }
        var key = mac(stamp.prefix(8), Array("AWS4\(credentials.secret)".utf8))
        for word in [region, service, "aws4_request"] { key = mac(word, key) }
        return HMAC.sha256(Array(text.utf8).span, key: key).hex
    }
}
