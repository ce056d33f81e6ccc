public import Model

extension Disk {
    /// Of folders beside a file that is being replaced.
    public static let asidePrefix = ".cake-"

    /// Gives a small file new bytes: written aside, synced and renamed. A reader finds all of the old or all of the
    /// new. A link stays a link, and its target is replaced. The folder is made if it is missing.
    public static func replace(_ path: String, with bytes: [UInt8], isPrivate: Bool = false) throws(CakeError) {
        let target = try exists(path) ? canonical(path) : path
        let folder = parent(of: target)
        try makeFolders(folder)
        let aside = try makeUniqueFolder(in: folder, prefix: asidePrefix)
        do throws(CakeError) {
            let file = try File(join(aside, "new"), isPrivate ? .createPrivate : .create)
            try file.write(bytes.span, at: 0)
            try file.sync()
            try rename(file.path, to: target)
            try removeTree(aside)
            try syncFolder(folder)
        } catch {
            try? removeTree(aside)
            throw error
        }
    }
}
