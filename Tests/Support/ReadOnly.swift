/// A folder as on a read-only disk: no call that would change something works.
public enum ReadOnly {
    /// False where this user may not mount.
    public static func mount(_ path: String) throws -> Bool {
        guard try run("mount", ["--bind", path, path]) else { return false }
        guard try run("mount", ["-o", "remount,bind,ro", path]) else {
            unmount(path)
            return false
        }
        return true
    }

    public static func unmount(_ path: String) { _ = try? run("umount", ["-l", path]) }

    private static func run(_ tool: String, _ arguments: [String]) throws -> Bool {
        try Tool.run(tool, arguments).status == 0
    }
}
