import Model
import Platform
import Remote
import Store

/// What a person decided, by option or by variable: worked out once, before anything is done.
struct Settings: Sendable {
    let isJSON: Bool
    let isQuiet: Bool
    let isVerbose: Bool
    let refusesColour: Bool
    /// Where the store is, and what names stand for.
    let stores: StoreSettings
    let environment: Environment

    /// Every variable cake listens to.
    static let variables =
        [
            "CAKE_HOME", "CAKE_LOWER", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HOME", "TMPDIR",
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_ENDPOINT", "CAKE_MIRRORS", "CAKE_RACE_MIRRORS", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN",
            "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_XET", "SSL_CERT_FILE", "SSL_CERT_DIR",
            "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
            "NO_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS", "NOTIFY_SOCKET", DetachedProgram.mark,
        ] + S3Settings.variables.filter { $0 != "HOME" }

    init(_ arguments: Arguments, _ environment: Environment) throws(CakeError) {
        isJSON = arguments.has(GlobalOptions.json)
        isQuiet = arguments.has(GlobalOptions.quiet)
        isVerbose = arguments.has(GlobalOptions.verbose) && !isQuiet
        refusesColour = arguments.has(GlobalOptions.noColor)
        stores = StoreSettings(environment, store: try arguments.value(of: GlobalOptions.store))
        self.environment = environment
    }

    /// The stores that lie below, to be read and never written to.
    func lowerPaths() throws(CakeError) -> [String] { try stores.lowerPaths() }

    func storePath() throws(CakeError) -> String { try stores.storePath() }

    /// Where the store is, and how a person chose that; nil for the usual places.
    func storePlace() throws(CakeError) -> (path: String, choice: String?) { try stores.storePlace() }
}
