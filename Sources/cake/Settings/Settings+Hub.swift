import Model
import Network
import Platform
import Remote
import Store
import Transfer

extension Settings {
    /// `$HF_ENDPOINT`, else what the settings file says, else huggingface.co.
    func hub() throws(CakeError) -> HubRoutes { try stores.hub() }

    /// What was typed, else `$CAKE_MIRRORS`, else what the settings file says: servers that are asked for files before the Hub.
    func mirrors(_ given: [String], areRaced: Bool) throws(CakeError) -> Mirrors? {
        let routes: [HubRoutes]
        if !given.isEmpty {
            routes = try given.map { text throws(CakeError) in try HubRoutes(endpoint: text, calledAs: "--mirror") }
        } else if let text = environment["CAKE_MIRRORS"] {
            routes = try HubRoutes.mirrors(text, calledAs: "CAKE_MIRRORS")
        } else {
            routes = try HubRoutes.mirrors(try file()[.mirrors] ?? "")
        }
        guard !routes.isEmpty else {
            guard !areRaced else {
                throw CakeError(
                    .usage, "--race-mirrors needs mirrors", fix: "add --mirror URL --mirror URL")
            }
            return nil
        }
        let isAsked = try areRaced ? true : racesMirrors()
        return Mirrors(routes, client: try HTTPClient(http), areRaced: isAsked)
    }

    /// `$CAKE_RACE_MIRRORS`, else what the settings file says.
    private func racesMirrors() throws(CakeError) -> Bool {
        if environment["CAKE_RACE_MIRRORS"] != nil { return isOn("CAKE_RACE_MIRRORS") }
        guard let text = try file()[.raceMirrors] else { return false }
        return try SettingsFile.isOn(text)
    }

    /// As `hf` has it.
    var disablesXet: Bool { isOn("HF_HUB_DISABLE_XET") }

    /// Nothing may be asked of any server.
    var isOffline: Bool { isOn("HF_HUB_OFFLINE") || isOn("TRANSFORMERS_OFFLINE") }

    /// Refuses what needs the network when it was said that there is none.
    func needNetwork(for purpose: String) throws(CakeError) {
        guard isOffline else { return }
        let variable = isOn("HF_HUB_OFFLINE") ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE"
        throw CakeError(.offline, "\(purpose) needs the network, and \(variable) is set", fix: "unset \(variable)")
    }

    /// The variable that a token comes from before any file, if one is set.
    var tokenVariable: String? {
        ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].first { environment[$0] != nil }
    }

    /// The token to send: the one given by option, else from the environment, else the one that was saved. Nil when
    /// nobody has one, or `HF_HUB_DISABLE_IMPLICIT_TOKEN` asks for the first kind only.
    func token(_ given: String? = nil) throws(CakeError) -> HubToken? {
        if let given { return try HubToken(given) }
        if isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
        if let variable = tokenVariable, let text = environment[variable] {
            do {
                return try HubToken(text)
            } catch {
                throw error.at(variable)
            }
        }
        return try savedToken()
    }

    func savedToken() throws(CakeError) -> HubToken? {
        guard let path = tokenPath else { return nil }
        do {
            return try HubToken(file: path)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// `$HF_TOKEN_PATH`, `$HF_HOME/token`, `~/.cache/huggingface/token`: where `hf` has it, so that one login is enough.
    var tokenPath: String? {
        if let path = environment["HF_TOKEN_PATH"] { return try? inHome(path) }
        return huggingFaceHome.map { $0 + "/token" }
    }

    /// `$HF_HUB_CACHE`, `$HF_HOME/hub`: where other tools keep what they fetched.
    var huggingFaceCache: String? {
        if let cache = environment["HF_HUB_CACHE"] { return try? inHome(cache) }
        return huggingFaceHome.map { $0 + "/hub" }
    }

    var huggingFaceHome: String? {
        if let home = environment["HF_HOME"] { return try? inHome(home) }
        if let cache = environment["XDG_CACHE_HOME"] { return try? inHome(cache) + "/huggingface" }
        return environment["HOME"].map { $0 + "/.cache/huggingface" }
    }

    /// How cake talks to servers: who it is, and whose certificates it believes.
    var http: HTTPSettings {
        var settings = HTTPSettings(userAgent: "cake/\(CommandTable.version)")
        settings.certificates =
            ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].lazy.compactMap { environment[$0] }.first
        settings.certificateFolders = environment["SSL_CERT_DIR"]
        settings.proxies = ProxyRule(environment.variables)
        if isVerbose { settings.observer = RequestLog(isJSON: isJSON).note }
        return settings
    }

    /// As huggingface_hub reads a switch.
    private func isOn(_ variable: String) -> Bool {
        ["1", "ON", "YES", "TRUE"].contains(environment[variable]?.uppercased() ?? "")
    }
}

extension HubToken {
    init(file path: String) throws(CakeError) {
        do {
            try self.init(String(decoding: try Disk.read(path, limit: 64 << 10), as: UTF8.self))
        } catch {
            throw error.at(Printable.escape(path))
        }
    }
}
