internal import Model
internal import Platform

/// A process that keeps a folder in use: it works in it, has a file of it open, or has one mapped.
package struct Holder: Hashable, Sendable, CustomStringConvertible {
    package let process: Int
    package let name: String

    package var description: String { "\(name) (process \(process))" }

    /// Those that this user may see. Only links of `/proc` are read: the folder itself is never asked, since this
    /// process may be the one that would have to answer.
    static func all(of folder: String) -> [Holder] {
        let inside = folder.hasSuffix("/") ? folder : folder + "/"
        func isInside(_ path: String) -> Bool { path == folder || path.hasPrefix(inside) }
        let processes = ((try? Disk.names(in: "/proc")) ?? []).compactMap { Int($0) }
        return processes.filter { $0 != Machine.process }.sorted().compactMap { process in
            let place = "/proc/\(process)"
            let links =
                [place + "/cwd", place + "/root"]
                + ((try? Disk.names(in: place + "/fd")) ?? []).map { place + "/fd/" + $0 }
            let holds =
                links.contains { Disk.target(ofLink: $0).map(isInside) == true } || maps(place, inside)
            return holds ? Holder(process: process, name: name(place)) : nil
        }
    }

    private static func maps(_ place: String, _ inside: String) -> Bool {
        guard let bytes = try? Disk.readAll(place + "/maps", limit: 16 << 20) else { return false }
        return bytes.split(separator: UInt8(ascii: "\n")).contains { line in
            guard let slash = line.firstIndex(of: UInt8(ascii: "/")) else { return false }
            return line[slash...].starts(with: inside.utf8)
        }
    }

    private static func name(_ place: String) -> String {
        let bytes = (try? Disk.readAll(place + "/comm", limit: 64)) ?? []
        let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return text.isEmpty ? "a program" : text
    }
}
