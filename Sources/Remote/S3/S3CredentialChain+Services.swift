internal import Model
internal import Network
internal import Platform

/// Credentials that a service gives for some hours.
extension S3CredentialChain {
    private static let largestToken = 64 << 10

    /// AssumeRoleWithWebIdentity: a token file, which the machine's operator renews, for credentials of a role.
    func ofIdentity(_ file: String, role: String?, session: String?, source: String) async throws -> S3Credentials {
        guard let role else {
            throw CakeError(.usage, "\(source) names a token file and no role", fix: "set AWS_ROLE_ARN")
        }
        let bytes = try Disk.read(file, limit: S3CredentialChain.largestToken)
        let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        let region = settings.endpoint.region
        let address =
            settings.variables["AWS_ENDPOINT_URL_STS"] ?? settings.variables["AWS_ENDPOINT_URL"]
            ?? settings.profiles["endpoint_url"]
        let place = try S3Endpoint(
            address ?? "https://sts.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")", region: region
        ).origin
        // A stranger who reads the token on the way has the role.
        guard place.scheme == .https || place.host.reach == .machine else {
            throw CakeError(
                .notAuthorised, "\(place) is not encrypted, and cake sends no identity token there",
                fix: "set AWS_ENDPOINT_URL_STS=https://HOST")
        }
        var request = HTTPRequest(.post, "\(place)/")
        request.headers = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/xml"),
        ]
        request.body = Array(
            FormText.encode([
                ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
                ("RoleSessionName", session ?? "cake"), ("WebIdentityToken", token),
            ]).utf8)
        let answer = try await fetch(request, from: "\(place)") { body in
            let refusal = S3Refusal(parsing: body)
            return CakeError(
                .notAuthorised,
                "\(place) gives no credentials for the role of \(source)"
                    + (refusal.map { ": \($0.code)\($0.message.isEmpty ? "" : ", \($0.message)")" } ?? ""),
                fix: "check AWS_ROLE_ARN and that the token in \(Printable.escape(file)) is valid")
        }
        return try named("\(place)") { () throws(CakeError) in
            try S3Credentials(ofRole: answer, source: source)
        }
    }

    /// The role of the machine, in the second version of the protocol, which needs a token of its own.
    func ofMachine(_ source: String) async throws -> S3Credentials {
        let place = settings.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        let origin = try WebURL(place).origin
        func ask(_ path: String, _ method: HTTPRequest.Method = .get, _ header: (String, String)) async throws
            -> [UInt8]
        {
            var request = HTTPRequest(method, "\(origin)\(path)")
            request.headers = [(name: header.0, value: header.1)]
            request.stallSeconds = 5
            return try await fetch(request, from: "the metadata service at \(origin)") { _ in
                CakeError(
                    .notAuthorised, "the metadata service at \(origin) gives no credentials for \(source)",
                    fix: "give the machine a role, or remove credential_source")
            }
        }
        let token = String(
            decoding: try await ask("/latest/api/token", .put, ("X-aws-ec2-metadata-token-ttl-seconds", "300")),
            as: UTF8.self)
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw CakeError(.damaged, "the metadata service at \(origin) sent no token")
        }
        let header = ("X-aws-ec2-metadata-token", token)
        let roles = "/latest/meta-data/iam/security-credentials/"
        let role = String(decoding: try await ask(roles, .get, header), as: UTF8.self).prefix { !$0.isNewline }
        guard !role.isEmpty, role.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"/?#%".utf8.contains($0) }) else {
            throw CakeError(.damaged, "the metadata service at \(origin) names no role")
        }
        let answer = try await ask(roles + role, .get, header)
        return try named("\(origin)") { () throws(CakeError) in
            try S3Credentials(ofMachine: answer, source: source)
        }
    }

    private func fetch(
        _ request: HTTPRequest, from place: String, orElse refusal: ([UInt8]) -> CakeError
    ) async throws -> [UInt8] {
        try await TransientFailure.retrying {
            let (head, body) = try await TransientFailure.naming {
                try await http.fetch(request, limit: S3CredentialChain.largestToken)
            }
            if Retry.isTransient(status: head.status) {
                throw TransientFailure(
                    CakeError(.network, "\(place) answered with status \(head.status)"), words: "server error")
            }
            guard head.status == 200 else { throw refusal(body) }
            return body
        }
    }

    private func named<Result>(
        _ place: String, _ body: () throws(CakeError) -> Result
    ) throws(CakeError) -> Result {
        do { return try body() } catch { throw error.at(place) }
    }
}
