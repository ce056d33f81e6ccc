/// A path inside a model: relative, with `/` between parts, and no part that leads out of the folder. The constructor
/// is the only way to make one: every path may be joined to a folder.
public struct FilePath: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: ExactText

    public var string: String { text.string }
    public var description: String { text.printable }

    public init(_ string: String) throws(CakeError) {
        func refuse(_ why: String) -> CakeError {
            CakeError(.damaged, "the file name \"\(Printable.escape(string))\" \(why)", fix: "rename it at its source")
        }
        guard !string.isEmpty else { throw refuse("is empty") }
        guard string.utf8.count <= 1024 else { throw refuse("is longer than 1024 bytes") }
        for scalar in string.unicodeScalars {
            guard scalar.value >= 0x20, scalar.value != 0x7f else { throw refuse("contains a control character") }
            guard scalar != "\\" else { throw refuse("contains a backslash") }
        }
        guard !string.utf8.starts(with: "/".utf8) else { throw refuse("is absolute") }
        for part in string.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw refuse("has an empty part") }
            guard !part.elementsEqual(".".utf8), !part.elementsEqual("..".utf8) else {
                throw refuse("has a part that is not allowed (\(String(Substring(part))))")
            }
            guard part.count <= 255 else { throw refuse("has a part longer than 255 bytes") }
        }
        text = ExactText(string)
    }

    /// Split at bytes: to String, a slash with an accent after it is another character.
    public var parts: [String] { string.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) } }

    public var lastPart: String { parts.last ?? string }

    public static func < (left: FilePath, right: FilePath) -> Bool { left.text < right.text }

    /// Refuses names that meet in one file on some disk: equal but for case or for how accents are spelled, or a file
    /// where another needs a folder.
    public static func refuseClashes(_ paths: [FilePath]) throws(CakeError) {
        // A Set of Strings compares by canonical equivalence, as a disk that normalises does.
        var files: [String: FilePath] = [:]
        for path in paths {
            if let other = files.updateValue(path, forKey: path.string.lowercased()) {
                throw CakeError(
                    .damaged, "the file names \"\(other)\" and \"\(path)\" are the same file on some disks",
                    fix: "rename one of them at its source")
            }
        }
        for path in paths {
            var folder = ""
            for part in path.parts.dropLast() {
                folder += folder.isEmpty ? part : "/" + part
                if let other = files[folder.lowercased()] {
                    throw CakeError(
                        .damaged, "\"\(other)\" is a file, and \"\(path)\" needs a folder of that name",
                        fix: "rename one of them at its source")
                }
            }
        }
    }
}
