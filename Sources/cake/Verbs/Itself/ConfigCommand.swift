import Model
import Platform
import Store

struct ConfigCommand: Verb {
    let key: String?
    let value: String?
    let unsets: Bool

    private static let keyWord = Positional(
        "KEY", .optional, .words(SettingsFile.Key.allCases.map(\.rawValue) + ["alias.", "policy."]),
        (SettingsFile.Key.allCases.map(\.rawValue)).joined(separator: ", ") + ", alias.NAME or policy.PATTERN")
    private static let valueWord = Positional("VALUE", .optional, .nothing, "its new value")
    private static let unset = Flag("unset", "delete KEY from the file")

    static let command = Command(
        Self.self, "config", for: .setUp, "show and change settings",
        about: [
            "Settings are lines of KEY = VALUE in ~/.config/cake/config: \(keys), and alias.NAME for a short name of your "
                + "own. policy.PATTERN says which models have to be signed, and with whose keys: require KEY.pub, or accept. An option overrides a variable of the environment, and a variable overrides the file."
        ],
        positionals: [keyWord, valueWord],
        options: [unset.form],
        examples: [
            .init("cake config", "list the settings"),
            .init("cake config alias.base mistralai/Mistral-7B-v0.3", "a short name of your own"),
            .init("cake config endpoint https://hub.example", "a mirror of the Hub"),
            .init("cake config 'policy.org/*' 'require ~/org.pub'", "pull models of org only with its signature"),
            .init("cake config endpoint --unset", "remove the setting"),
        ])

    private static var keys: String {
        SettingsFile.Key.allCases.map { "\($0.rawValue) (\($0.meaning))" }.joined(separator: ", ")
    }

    init(_ arguments: Arguments) throws(CakeError) {
        key = arguments.words(Self.keyWord).first
        value = arguments.words(Self.valueWord).first
        unsets = arguments.has(Self.unset)
        if let key { _ = try SettingsFile.check(key: key) }
        if unsets, key == nil {
            throw CakeError(.usage, "--unset needs a KEY", fix: "cake config lists the settings")
        }
        if unsets, value != nil {
            throw CakeError(.usage, "--unset deletes KEY, so it takes no VALUE", fix: "leave VALUE or --unset out")
        }
    }
}

extension ConfigCommand {
    func run(in session: Session) async throws {
        var file = try session.settings.file()
        guard let key else {
            return session.show(SettingList(file: file, path: session.settings.filePath ?? "~/.config/cake/config"))
        }
        if unsets || value != nil {
            try file.set(key, to: value)
            return try session.settings.write(file)
        }
        guard let value = file[key] else {
            throw CakeError(.notFound, "\(key) is not set", fix: "cake config \(key) VALUE sets it")
        }
        session.show(SettingValue(key: key, value: value))
    }
}
