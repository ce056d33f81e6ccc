extension ModelCard {
    /// The licence as SPDX writes it, for readers of annotations. The Hub has it in lower case, and has some that SPDX
    /// does not know.
    public static func license(in card: Span<UInt8>) -> String? {
        let facts = facts(in: card)
        var words = facts["license"]?.string ?? facts["license"]?.array?.first?.string
        if words == "other" { words = facts["license_name"]?.string }
        guard let name = words.flatMap({ accepted($0) }), name != "unknown", name != "other" else { return nil }
        if let known = known[name.lowercased()] { return known }
        if families.contains(where: name.lowercased().hasPrefix) { return name.uppercased() }
        let plain = name.utf8.map { byte -> UInt8 in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "."): byte
            default: UInt8(ascii: "-")
            }
        }
        return "LicenseRef-" + String(decoding: plain, as: UTF8.self)
    }

    private static let known = [
        "apache-2.0": "Apache-2.0", "mit": "MIT", "isc": "ISC", "artistic-2.0": "Artistic-2.0", "wtfpl": "WTFPL",
        "bsd": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
        "bsd-3-clause-clear": "BSD-3-Clause-Clear", "cdla-permissive-1.0": "CDLA-Permissive-1.0",
        "cdla-permissive-2.0": "CDLA-Permissive-2.0", "cdla-sharing-1.0": "CDLA-Sharing-1.0",
        "odbl": "ODbL-1.0", "unlicense": "Unlicense", "zlib": "Zlib",
    ]

    /// Those that SPDX has in capitals, with their versions.
    private static let families = ["cc0-", "cc-by", "gpl-", "agpl-", "lgpl-", "mpl-", "epl-", "eupl-", "bsl-", "ofl-"]
}
