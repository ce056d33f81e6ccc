/// What an entry of a layer's tar archive is for a model.
public enum ArchivePlace: Hashable, Sendable {
    case file(FilePath)
    /// Nil for the top folder of the model.
    case folder(FilePath?)
    /// The files of earlier layers at this path are gone; nil for all of them.
    case removed(FilePath?)
    /// What earlier layers have in this folder is gone; nil for all of it.
    case emptied(FilePath?)
    /// It is outside of the model.
    case outside

    /// The folder of an image that holds the model.
    static let modelFolder = Array("models".utf8)
    private static let whiteout = Array(".wh.".utf8)
    private static let opaque = Array(".wh..wh..opq".utf8)

    public init(_ entry: TarScanner.Entry, in content: ForeignLayer.Content) throws(CakeError) {
        let words = "\"\(Printable.escape(String(decoding: entry.name.prefix(200), as: UTF8.self)))\""
        func refuse(_ why: String) -> CakeError { TarScanner.refuse("has the entry \(words), \(why)") }
        guard entry.name.first != UInt8(ascii: "/") else { throw refuse("which is an absolute path") }
        guard !entry.name.contains(0) else { throw refuse("whose name has a zero byte") }
        var parts = entry.name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
        guard !parts.contains(Array("..".utf8)) else { throw refuse("which leads out of the folder") }
        // `./models/` and `models/` are the same place.
        parts.removeAll { $0 == Array(".".utf8) }
        if entry.kind == .folder, parts.last == [] { parts.removeLast() }
        if content == .imageLayer {
            if let found = ArchivePlace.aboutModels(parts) {
                self = found
                return
            }
            guard parts.first == ArchivePlace.modelFolder else {
                self = .outside
                return
            }
            parts.removeFirst()
            guard !parts.isEmpty || entry.kind == .folder else {
                throw refuse("where the folder of the model should be")
            }
        }
        guard !parts.contains([]) else { throw refuse("which has an empty part in its name") }
        if case .other(let what) = entry.kind { throw refuse("which is \(what): cake keeps plain files") }
        var folder: FilePath?
        if case .tar(let inside?) = content { folder = inside }
        func path(_ parts: [[UInt8]]) throws(CakeError) -> FilePath? {
            guard !parts.isEmpty else { return folder }
            guard let text = String(copying: Array(parts.joined(separator: [UInt8(ascii: "/")])).span) else {
                throw refuse("whose name is not UTF-8")
            }
            return try FilePath((folder.map { $0.string + "/" } ?? "") + text)
        }
        if content == .imageLayer, let last = parts.last, last.starts(with: ArchivePlace.whiteout) {
            let around = try path(parts.dropLast())
            if last == ArchivePlace.opaque {
                self = .emptied(around)
            } else {
                let name = Array(last.dropFirst(ArchivePlace.whiteout.count))
                // Other names that begin so are marks of programs, and stand for no file.
                guard !name.isEmpty, !name.starts(with: ArchivePlace.whiteout) else {
                    self = .outside
                    return
                }
                self = .removed(try path(parts.dropLast() + [name]))
            }
            return
        }
        guard let found = try path(parts) else {
            guard entry.kind == .folder else { throw refuse("which has no name") }
            self = .folder(nil)
            return
        }
        self = entry.kind == .folder ? .folder(found) : .file(found)
    }

    /// Whiteouts beside the folder of the model.
    private static func aboutModels(_ parts: [[UInt8]]) -> ArchivePlace? {
        guard parts.count == 1 else { return nil }
        if parts[0] == opaque { return .emptied(nil) }
        return parts[0] == whiteout + modelFolder ? .removed(nil) : nil
    }
}
