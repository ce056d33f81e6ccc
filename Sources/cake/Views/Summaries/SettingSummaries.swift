import Model
import Store

/// What is set in the file of settings.
struct SettingList: Finding {
    let file: SettingsFile
    let path: String

    var notes: [String] { file.settings.isEmpty ? ["nothing is set in \(path)"] : [] }

    func lines(on page: Page) -> [String] { file.settings.map { "\($0.key) = \($0.value)" } }

    var document: JSONValue {
        .object(JSONObject(file.settings.map { JSONObject.Member(key: $0.key, value: JSONValue($0.value)) }))
    }
}

struct SettingValue: Finding {
    let key: String
    let value: String

    func lines(on page: Page) -> [String] { [value] }

    var document: JSONValue { [key: JSONValue(value)] }
}
