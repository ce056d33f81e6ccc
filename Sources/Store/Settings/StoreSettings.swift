package import Model
package import Platform

/// Where a person's store is and what their names stand for: by option, by variable, or by the settings file. The program
/// and the library read them alike.
package struct StoreSettings: Sendable {
    private let storeOption: String?
    private let environment: Environment

    /// What is read of the environment.
    package static let variables = [
        "CAKE_HOME", "CAKE_LOWER", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME", "HF_ENDPOINT",
    ]

    /// `store` is the folder that was named for this once.
    package init(_ environment: Environment, store: String?) {
        self.environment = environment
        storeOption = store
    }

    /// The stores that lie below, to be read and never written to.
    package func lowerPaths() throws(CakeError) -> [String] {
        try (environment["CAKE_LOWER"] ?? "").split(separator: ":").map { path throws(CakeError) in
            try inHome(String(path))
        }
    }

    package func storePath() throws(CakeError) -> String { try storePlace().path }

    /// Where the store is: `--store`, `$CAKE_HOME`, the settings file, `$XDG_DATA_HOME/cake`, `~/.local/share/cake`. And how
    /// a person chose that; nil for the usual places.
    package func storePlace() throws(CakeError) -> (path: String, choice: String?) {
        if let storeOption { return (storeOption, "--store") }
        if let home = environment["CAKE_HOME"] { return (home, "CAKE_HOME") }
        if let path = try file()[.store] { return (try inHome(path), "cake config store") }
        // The XDG rules ask to ignore a path that is not absolute.
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return (data + "/cake", nil) }
        if let home = environment["HOME"] { return (home + "/.local/share/cake", nil) }
        throw CakeError(
            .usage, "HOME is not set, so cake does not know where its store is",
            fix: "say where: --store DIR, or CAKE_HOME=DIR in the environment")
    }

    /// `$XDG_CONFIG_HOME/cake/config`, `~/.config/cake/config`; nil without a home.
    package var filePath: String? {
        if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") { return folder + "/cake/config" }
        return environment["HOME"].map { $0 + "/.config/cake/config" }
    }

    /// What is written there; nothing when there is no such file.
    package func file() throws(CakeError) -> SettingsFile {
        guard let filePath else { return SettingsFile() }
        do {
            let bytes = try Disk.read(filePath, limit: SettingsFile.maximumSize)
            return try SettingsFile(parsing: bytes.span)
        } catch {
            if error.kind == .notFound { return SettingsFile() }
            throw error.at(Printable.escape(filePath))
        }
    }

    package func inHome(_ path: String) throws(CakeError) -> String {
        guard path == "~" || path.hasPrefix("~/") else { return path }
        guard let home = environment["HOME"] else {
            throw CakeError(.usage, "\(Printable.escape(path)) needs HOME, which is not set")
        }
        return home + path.dropFirst()
    }
}

/// Names as people type them.
extension StoreSettings {
    /// `$HF_ENDPOINT`, else what the settings file says, else huggingface.co.
    package func hub() throws(CakeError) -> HubRoutes {
        if let endpoint = environment["HF_ENDPOINT"] { return try HubRoutes(endpoint: endpoint) }
        if let endpoint = try file()[.endpoint] { return try HubRoutes(endpoint: endpoint) }
        return try HubRoutes()
    }

    /// What a person typed, read with their own aliases and the Hub they use.
    package func reference(_ text: String) throws(CakeError) -> Reference {
        try Reference(text, aliases: try file().aliases, hub: try hub()) { (try? Disk.exists($0)) ?? false }
    }

    /// What a pull calls a model of a registry, where the registry was typed as an address: `https://localhost:5000/m`,
    /// `oci://ghcr.io/me/m:v1`. Nil for everything else.
    package func pulledName(_ typed: String) -> String? {
        guard typed.contains("://"), case .registry(let reference) = try? reference(typed) else { return nil }
        return reference.storeName
    }

    /// A model in the store.
    package func find(
        _ name: String, revision: String? = nil, in store: LocalStore
    ) throws(CakeError) -> LocalStore.Named {
        let (name, revision) = try meaning(of: name, revision, in: store)
        return try store.find(name, revision: revision, alias: Aliases.hubID(of: name))
    }

    /// A person's own alias leads to what it stands for, unless a model is called just that.
    private func meaning(
        of name: String, _ revision: String?, in store: LocalStore
    ) throws(CakeError) -> (String, String?) {
        if let pulled = pulledName(name) { return (pulled, revision) }
        let aliases = try file().aliases
        let wanted = ExactText(String(name.prefix { $0 != "@" }))
        guard aliases.contains(where: { ExactText($0.key) == wanted }) else { return (name, revision) }
        if let exact = try? ModelName(name), try store.record(of: exact) != nil { return (name, revision) }
        guard case .hub(let reference) = try reference(name) else { return (name, revision) }
        return (reference.repository.id, revision ?? reference.revision)
    }
}
