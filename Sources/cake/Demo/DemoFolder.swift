import Model
import Platform

/// A temporary folder in which cake shows or tries itself.
enum DemoFolder {
    /// Makes one. `command` is what was typed, and `what` how a message calls it. Throws where there is less room than it takes.
    static func make(for command: String, _ what: String, room: UInt64, in session: Session) throws(CakeError) -> String
    {
        let place = Disk.absolute(session.environment["TMPDIR"] ?? "/tmp")
        let free = try Disk.freeBytes(place)
        guard free >= room else {
            throw CakeError(
                .diskFull,
                "\(what) takes up to \(Quantities.bytes(room)), and \(Printable.escape(place)) has "
                    + "\(Quantities.bytes(free)) left",
                fix: "TMPDIR=DIR cake \(command) works in a folder elsewhere")
        }
        return try Disk.makeUniqueFolder(in: place, prefix: "cake-\(command)-")
    }
}
