import Foundation
import Platform

/// Changes to files that cake does not know of.
public enum Bend {
    public static func edit(_ path: String, _ change: (inout [UInt8]) -> Void) throws {
        var bytes = Array(try Data(contentsOf: URL(filePath: path)))
        change(&bytes)
        try Data(bytes).write(to: URL(filePath: path))
    }

    public static func flip(_ path: String, at offset: Int, mask: UInt8 = 1) throws {
        try edit(path) { $0[offset < 0 ? $0.count + offset : offset] ^= mask }
    }

    public static func cut(_ path: String, to count: Int) throws {
        try edit(path) { $0 = Array($0.prefix(count)) }
    }

    public static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    public static func move(_ path: String, to other: String) throws {
        try? FileManager.default.removeItem(atPath: other)
        try FileManager.default.moveItem(atPath: path, toPath: other)
    }

    /// A file, or a folder with all that is in it.
    public static func copy(_ path: String, to other: String) throws {
        guard try Disk.status(path)?.kind == .folder else {
            let source = try File(path, .read)
            let bytes = try source.bytes(at: 0, count: Int(source.size()))
            return try File(other, .create).write(bytes.span, at: 0)
        }
        try Disk.makeFolder(other)
        for name in try Disk.names(in: path) { try copy(path + "/" + name, to: other + "/" + name) }
    }

    public static func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    public static func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    /// As if the clock had stood elsewhere when the file was written.
    public static func age(_ path: String, seconds: Double) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: path)
    }
}
