import Foundation
import Platform
import Support
import Testing

/// Whether the file system that tests write to lets files share their bytes, as btrfs and XFS do. `CAKE_CLONE_DIR` names a
/// folder on one that does.
private enum Sharing {
    static let folder = ProcessInfo.processInfo.environment["CAKE_CLONE_DIR"]

    static let isPossible: Bool = {
        guard let scratch = try? Scratch(in: folder) else { return false }
        try? Data("bytes".utf8).write(to: URL(filePath: scratch["one"]))
        return (try? Disk.makeClone(scratch["two"], of: scratch["one"])) == true
    }()
}

@Suite struct `A file that shares another's bytes` {
    @Test(
        .enabled(if: Sharing.isPossible, "no file system here shares bytes between files: CAKE_CLONE_DIR=DIR names one")
    )
    func `has them, and keeps them when the other changes`() throws {
        let scratch = try Scratch(in: Sharing.folder)
        try Data("bytes".utf8).write(to: URL(filePath: scratch["one"]))
        #expect(try Disk.makeClone(scratch["two"], of: scratch["one"]))
        try Data("other".utf8).write(to: URL(filePath: scratch["one"]))
        #expect(try Data(contentsOf: URL(filePath: scratch["two"])) == Data("bytes".utf8))
        #expect(try Disk.names(in: scratch.path) == ["one", "two"])
    }

    @Test(.disabled(if: Sharing.isPossible, "the file system here shares bytes between files"))
    func `is not there where the file system cannot share`() throws {
        let scratch = try Scratch()
        try Data("bytes".utf8).write(to: URL(filePath: scratch["one"]))
        #expect(try !Disk.makeClone(scratch["two"], of: scratch["one"]))
        #expect(try Disk.names(in: scratch.path) == ["one"])
    }
}
