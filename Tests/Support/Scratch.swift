import Foundation
import Platform

/// A folder of a test's own, in memory where the machine has such a place, which vanishes with the last owner.
public final class Scratch: Sendable {
    public let path: String

    public init(in folder: String? = nil) throws {
        let memory = "/dev/shm"
        let usual =
            FileManager.default.isWritableFile(atPath: memory) ? memory : FileManager.default.temporaryDirectory.path
        let base = folder ?? usual
        path = base + "/cake-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { FaultPlan.$current.withValue(nil) { try? Disk.removeTree(path) } }

    /// A path inside.
    public subscript(name: String) -> String { path + "/" + name }
}
