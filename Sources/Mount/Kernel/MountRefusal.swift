internal import Model
internal import Platform

#if Mount
    internal import CMount
    internal import Glibc
#endif

/// Why something cannot be mounted or unmounted, each with what to type.
enum MountRefusal {
    static let other = "or use files instead: cake export NAME --format hf-cache -o DIR"

    static let notBuilt = CakeError(
        .failed, "this cake was built without libfuse, and cannot mount",
        fix: "install libfuse3-dev and build with swift build -c release, " + other)

    static func taken(_ path: String, by store: String) -> CakeError {
        CakeError(
            .failed, "\(Printable.escape(path)) is already a mount of cake, of \(Printable.escape(store))",
            fix: "cake umount \(Printable.escape(path)) ends it")
    }

    static func noFolder(_ path: String) -> CakeError {
        CakeError(.failed, "\(Printable.escape(path)) is no folder", fix: "choose an empty folder, or a new one")
    }

    static func notEmpty(_ path: String, _ count: Int) -> CakeError {
        CakeError(
            .failed,
            "\(Printable.escape(path)) is not empty: a mount would hide \(count) \(count == 1 ? "entry" : "entries")",
            fix: "choose an empty folder, or a new one")
    }

    static func notMounted(_ path: String) -> CakeError {
        CakeError(
            .notFound, "nothing is mounted at \(Printable.escape(path))",
            fix: "findmnt -t fuse.cake lists cake's mounts")
    }

    static func foreign(_ path: String, _ type: String) -> CakeError {
        CakeError(
            .failed, "\(Printable.escape(path)) is a mount of \(Printable.escape(type)), not of cake",
            fix: "umount \(Printable.escape(path))")
    }

    static func stuck(_ path: String) -> CakeError {
        CakeError(
            .failed, "cannot unmount \(Printable.escape(path))",
            fix: "run it as the user who mounted it, or as root: umount -l \(Printable.escape(path))")
    }

    static func failed(_ path: String, saying words: String) -> CakeError {
        let reason = words.isEmpty ? "" : ": " + Printable.escape(words.split(separator: "\n").joined(separator: "; "))
        return CakeError(
            .failed, "cannot mount at \(Printable.escape(path))\(reason)",
            fix: "in a container: docker run --device /dev/fuse --cap-add SYS_ADMIN …; " + other)
    }

    static func closedToOthers(_ path: String) -> CakeError {
        CakeError(
            .failed, "this machine does not let users mount with --allow-other",
            fix: "as root: echo user_allow_other >> \(path); or leave out --allow-other")
    }

    static let helperMissing = CakeError(
        .failed, "fusermount3 is missing, and only root can mount without it",
        fix: "install it: apt install fuse3; " + other)

    static func device(_ words: String, isThere: Bool) -> CakeError {
        let step = isThere ? "as root: chmod 666 /dev/fuse" : "as root: modprobe fuse"
        return CakeError(
            .failed, "cannot open /dev/fuse: \(words)",
            fix: "\(step); in a container: docker run --device /dev/fuse --cap-add SYS_ADMIN …; "
                + other)
    }

    #if Mount
        static func words(_ number: Int32) -> String {
            unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        }

        private static let configuration = "/etc/fuse.conf"

        static func check(isOpenToOthers: Bool) throws(CakeError) {
            let number = cake_open_device()
            guard number == 0 else { throw device(words(number), isThere: number != ENOENT) }
            guard cake_user() != 0 else { return }
            guard Program.isThere("fusermount3") else { throw helperMissing }
            guard isOpenToOthers else { return }
            let text = String(decoding: (try? Disk.read(configuration, limit: 1 << 20)) ?? [], as: UTF8.self)
            let isAllowed = text.split(separator: "\n").contains {
                $0.split(whereSeparator: \.isWhitespace) == ["user_allow_other"]
            }
            guard isAllowed else { throw closedToOthers(configuration) }
        }
    #else
        static func check(isOpenToOthers: Bool) throws(CakeError) { throw notBuilt }
    #endif
}
