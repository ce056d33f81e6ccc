/// One line of JSON, for what cake says about itself on standard error.
struct JSONText {
    private var members: [String] = []

    mutating func add(_ name: String, _ value: String?) {
        if let value { members.append("\(Self.quote(name)):\(Self.quote(value))") }
    }

    mutating func add<Number: BinaryInteger>(_ name: String, _ value: Number) {
        members.append("\(Self.quote(name)):\(value)")
    }

    mutating func add(_ name: String, _ value: JSONText) { members.append("\(Self.quote(name)):\(value.text)") }

    var text: String { "{" + members.joined(separator: ",") + "}" }

    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f {
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}
