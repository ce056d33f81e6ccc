internal import Model
internal import Network
internal import Platform
internal import Synchronization

/// Finds credentials: in the environment, by a token of the machine's identity, in the files of Amazon's tools, and from
/// the machine's metadata service if the profile asks for that. Temporary ones are renewed before they end.
final class S3CredentialChain: Sendable {
    let settings: S3Settings
    let http: HTTPClient
    private let now: @Sendable () -> Int
    private let state = Mutex(State())

    private struct State {
        var found: S3Credentials?
        var hasLooked = false
        var isRenewing = false
    }

    /// Temporary credentials are renewed so many seconds before they end.
    private static let early = 300

    init(_ settings: S3Settings, client: HTTPClient, now: @escaping @Sendable () -> Int) {
        (self.settings, http, self.now) = (settings, client, now)
    }

    /// Nil where there are none: requests then go out unsigned, which is enough for public buckets.
    func current() async throws -> S3Credentials? {
        let (found, renews) = state.withLock { state -> (S3Credentials??, Bool) in
            guard state.hasLooked else { return (nil, false) }
            guard let end = state.found?.end, end - now() < S3CredentialChain.early else { return (state.found, false) }
            // One request renews them, and the others use the old ones as long as they are accepted.
            guard end > now() + 10 else { return (nil, false) }
            if state.isRenewing { return (state.found, false) }
            state.isRenewing = true
            return (state.found, true)
        }
        guard renews || found == nil else { return found ?? nil }
        defer { if renews { state.withLock { $0.isRenewing = false } } }
        do {
            let new = try await look()
            state.withLock { ($0.found, $0.hasLooked) = (new, true) }
            return new
        } catch {
            try Task.checkCancellation()
            guard renews, let found else { throw error }
            return found
        }
    }

    /// After a server refused them as ended or unknown. True if others may be found.
    func forget(_ credentials: S3Credentials) -> Bool {
        state.withLock { state in
            guard state.found == credentials else { return true }
            state.hasLooked = false
            return credentials.end != nil
        }
    }

    private func look() async throws -> S3Credentials? {
        let variables = settings.variables
        if let keyID = variables["AWS_ACCESS_KEY_ID"] {
            guard let secret = variables["AWS_SECRET_ACCESS_KEY"] else {
                throw CakeError(
                    .usage, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not", fix: "set both, or neither")
            }
            return try S3Credentials(
                keyID: keyID, secret: secret, session: variables["AWS_SESSION_TOKEN"], source: "AWS_ACCESS_KEY_ID")
        }
        if let file = variables["AWS_WEB_IDENTITY_TOKEN_FILE"] {
            return try await ofIdentity(
                file, role: variables["AWS_ROLE_ARN"], session: variables["AWS_ROLE_SESSION_NAME"],
                source: "AWS_WEB_IDENTITY_TOKEN_FILE")
        }
        return try await ofProfile(try settings.reread())
    }

    private func ofProfile(_ profiles: S3Settings.Profiles) async throws -> S3Credentials? {
        let name = Printable.escape(settings.profile)
        for (section, path) in [
            (profiles.credentials, profiles.credentialsPath), (profiles.config, profiles.configPath),
        ] {
            guard let keyID = section["aws_access_key_id"] else { continue }
            let source = "the profile \(name) of \(Printable.escape(path))"
            guard let secret = section["aws_secret_access_key"] else {
                throw CakeError(
                    .usage, "\(source) has no aws_secret_access_key", fix: "add it beside aws_access_key_id")
            }
            return try S3Credentials(
                keyID: keyID, secret: secret, session: section["aws_session_token"], source: source)
        }
        let source = "the profile \(name) of \(Printable.escape(profiles.configPath))"
        if let file = profiles["web_identity_token_file"] {
            return try await ofIdentity(
                file, role: profiles["role_arn"], session: profiles["role_session_name"], source: source)
        }
        if profiles["credential_source"] == "Ec2InstanceMetadata" { return try await ofMachine(source) }
        if let other = ["sso_session", "sso_start_url", "credential_process", "source_profile"].first(where: {
            profiles[$0] != nil
        }) {
            throw CakeError(
                .usage, "\(source) uses \(other), which cake does not read",
                fix: "run: eval \"$(aws configure export-credentials --profile \(name) --format env)\"")
        }
        return nil
    }
}
