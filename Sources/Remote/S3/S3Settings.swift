public import Model
public import Platform

/// How object storage is reached, from what a person typed, the environment, and the files that Amazon's tools read.
public struct S3Settings: Sendable {
    public let endpoint: S3Endpoint
    let variables: Environment
    let profiles: Profiles
    /// Of `AWS_PROFILE`.
    let profile: String

    public static let variables = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "HOME",
    ]

    /// The settings of the profile in both files.
    struct Profiles: Sendable {
        let credentials: [String: String]
        let config: [String: String]
        let credentialsPath: String
        let configPath: String
        let isThere: Bool

        subscript(name: String) -> String? { config[name] ?? credentials[name] }
    }

    /// `endpoint` is what a person typed.
    public init(_ variables: Environment, endpoint: String? = nil) throws(CakeError) {
        self.variables = variables
        profile = variables["AWS_PROFILE"] ?? "default"
        profiles = try S3Settings.profiles(variables, profile)
        if variables["AWS_PROFILE"] != nil, !profiles.isThere {
            throw CakeError(
                .usage, "the profile \(Printable.escape(profile)) of AWS_PROFILE is in no file",
                fix: "add it to \(Printable.escape(profiles.configPath)), or unset AWS_PROFILE")
        }
        let style = profiles["s3.addressing_style"].flatMap(S3Endpoint.Style.init)
        self.endpoint = try S3Endpoint(
            endpoint ?? variables["AWS_ENDPOINT_URL_S3"] ?? variables["AWS_ENDPOINT_URL"] ?? profiles["endpoint_url"],
            region: variables["AWS_REGION"] ?? variables["AWS_DEFAULT_REGION"] ?? profiles["region"] ?? "us-east-1",
            style: style)
    }

    /// What the files say now. They may be written again while the process runs.
    func reread() throws(CakeError) -> Profiles { try S3Settings.profiles(variables, profile) }

    private static func profiles(_ variables: Environment, _ profile: String) throws(CakeError) -> Profiles {
        let home = (variables["HOME"] ?? "") + "/.aws/"
        let paths = (
            variables["AWS_SHARED_CREDENTIALS_FILE"] ?? home + "credentials",
            variables["AWS_CONFIG_FILE"] ?? home + "config"
        )
        let (credentials, config) = try (read(paths.0)[profile], read(paths.1)[profile])
        return Profiles(
            credentials: credentials ?? [:], config: config ?? [:], credentialsPath: paths.0, configPath: paths.1,
            isThere: credentials != nil || config != nil)
    }

    private static func read(_ path: String) throws(CakeError) -> S3Profiles {
        do {
            let bytes = try Disk.read(path, limit: S3Profiles.largestFile)
            return S3Profiles(parsing: String(decoding: bytes, as: UTF8.self))
        } catch let error where error.kind == .notFound { return S3Profiles() }
    }
}
