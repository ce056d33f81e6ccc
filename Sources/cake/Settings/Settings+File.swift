import Model
import Platform
import Store

extension Settings {
    var filePath: String? { stores.filePath }

    /// What is written there; nothing when there is no such file.
    func file() throws(CakeError) -> SettingsFile { try stores.file() }

    func write(_ file: SettingsFile) throws(CakeError) {
        guard let filePath else {
            throw CakeError(
                .usage, "HOME is not set, so cake does not know where its settings are",
                fix: "say where: XDG_CONFIG_HOME=DIR in the environment")
        }
        try Disk.replace(filePath, with: file.bytes)
    }

    /// What a short name stands for: the person's own, else a built-in one.
    func meaning(ofAlias name: String) throws(CakeError) -> String? {
        let wanted = ExactText(name)
        return try file().aliases.first { ExactText($0.key) == wanted }?.value ?? Aliases.hubID(of: name)
    }

    /// A model that is called like a short name could not be told from what that stands for.
    func refuseAlias(_ typed: String, for name: ModelName) throws(CakeError) {
        guard let id = try meaning(ofAlias: typed) else { return }
        throw CakeError(.failed, "\(name) is the short name of \(id)", fix: "choose another name, or use --force")
    }

    /// What a person typed, read with their own aliases and the Hub they use.
    func reference(_ text: String) throws(CakeError) -> Reference { try stores.reference(text) }

    func inHome(_ path: String) throws(CakeError) -> String { try stores.inHome(path) }
}
