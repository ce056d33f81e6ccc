import Foundation
import Support
import Testing

/// Whether a test can mount; if not, swift test says why it skips.
enum Mounting {
    static let needed: Comment = "there is no /dev/fuse to open: nothing can be mounted here"

    static var isPossible: Bool { FileManager.default.isWritableFile(atPath: "/dev/fuse") }
}

@Suite(.enabled(if: Mounting.isPossible, Mounting.needed)) struct `A mount` {
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one", tensors: 12, of: 1 << 19)
        try home.makeModel("two", seed: 2)
        try home.cake("import", home.path("one").path, "org/one")
        try home.cake("import", home.path("two").path, "two")
    }

    /// Runs a script in the home with `m` mounted, and unmounts it whatever happened.
    private func mounted(_ script: String, options: String = "") throws -> Tool {
        try home.shell(
            "cd && $CAKE mount m --detach \(options) >said 2>&1 && trap '$CAKE umount m >ended 2>&1' EXIT; \(script)")
    }

    @Test func `has every file of every model as it was`() throws {
        let result = try mounted("diff -r one m/org/one && diff -r two m/two && ls m m/org")
        #expect(result.output == "m:\norg\ntwo\n\nm/org:\none\n", "\(result.errors)")
        #expect(result.status == 0)
        #expect(try home.shell("cd; ls m; cat ended").output.contains("unmounted"))
    }

    @Test func `gives what is read anywhere, mapped, sent or past the page cache`() throws {
        let result = try mounted(
            """
            cat > read.py <<'E'
            import mmap, os, random, threading
            name = "model.safetensors"
            right = open("one/" + name, "rb").read()
            there = os.open("m/org/one/" + name, os.O_RDONLY)
            wrong = []
            def some(seed):
                numbers = random.Random(seed)
                for _ in range(40):
                    start = numbers.randrange(len(right)); count = numbers.choice([1, 17, 4096, 100000, 3000000])
                    if os.pread(there, count, start) != right[start:start + count]: wrong.append(start)
            threads = [threading.Thread(target=some, args=(n,)) for n in range(64)]
            [t.start() for t in threads]; [t.join() for t in threads]
            assert not wrong, wrong
            shared = mmap.mmap(there, 0, mmap.MAP_SHARED, mmap.PROT_READ)
            assert shared[:] == right
            private = mmap.mmap(there, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
            private[5] = 7
            assert private[6:] == right[6:] and shared[:] == right
            sent = os.open("sent", os.O_RDWR | os.O_CREAT)
            done = 0
            while done < len(right): done += os.sendfile(sent, there, done, len(right) - done)
            assert open("sent", "rb").read() == right
            direct = os.open("m/org/one/" + name, os.O_RDONLY | os.O_DIRECT)
            room = mmap.mmap(-1, 1 << 20)
            got = b""
            while count := os.preadv(direct, [room], len(got)): got += room[:count]
            assert got == right
            assert os.pread(there, 10, len(right)) == b"" and os.fstat(there).st_size == len(right)
            print("right")
            E
            python3 read.py
            """)
        #expect(result.output == "right\n", "\(result.errors)")
    }

    @Test func `refuses every way to write`() throws {
        let ways = [
            "touch m/new", "mkdir m/new", "rmdir m/org", "rm -f m/two/config.json", "mv m/two m/three",
            "chmod 777 m/two/config.json",
            "chown 1:1 m/two/config.json", "ln -s x m/link", "ln m/two/config.json m/two/other", "mkfifo m/pipe",
            "truncate -s 0 m/two/config.json", "echo x >> m/two/config.json", "touch m/two/config.json",
            "cp one/config.json m/two/config.json",
        ]
        for way in ways {
            let result = try home.shell(
                "cd; [ -e said ] || { $CAKE mount m --detach >said 2>&1; }; LC_ALL=C bash -c '\(way)'")
            #expect(result.status != 0, "\(way)")
            #expect(result.errors.contains("Read-only file system"), "\(way): \(result.errors)")
        }
        #expect(try home.shell("cd; diff -r two m/two; $CAKE umount m").output.contains("unmounted"))
    }

    @Test func `answers each operation with the error of a read-only disk`() throws {
        let result = try mounted(
            """
            cat > table.py <<'E'
            import errno, fcntl, os
            file = "m/two/config.json"
            there = os.open(file, os.O_RDONLY)
            table = {
                "EROFS": [
                    lambda: os.open(file, os.O_WRONLY), lambda: os.open(file, os.O_RDWR), lambda: os.open(file, os.O_TRUNC),
                    lambda: os.open("m/new", os.O_CREAT | os.O_WRONLY), lambda: os.truncate(file, 0), lambda: os.utime(file),
                    lambda: os.setxattr(file, "user.a", b"1"), lambda: os.removexattr(file, "user.a"),
                    lambda: os.rmdir("m/org"), lambda: os.unlink(file), lambda: os.rename(file, "m/new"),
                    lambda: os.mkfifo("m/new"), lambda: os.symlink("x", "m/new"), lambda: os.link(file, "m/new")],
                "EEXIST": [lambda: os.mkdir("m/org"), lambda: os.open(file, os.O_CREAT | os.O_EXCL)],
                "ENOTSUP": [lambda: os.getxattr(file, "user.a"), lambda: os.listxattr(file)],
                "ENAMETOOLONG": [lambda: os.stat("m/" + 256 * "a")],
                "ENOENT": [lambda: os.stat("m/none"), lambda: os.stat(b"m/\\xff")],
                "ENOTDIR": [lambda: os.stat(file + "/x"), lambda: os.listdir(file)],
                "EISDIR": [lambda: os.read(os.open("m/org", os.O_RDONLY), 1)],
                "EINVAL": [lambda: os.readlink(file), lambda: os.ftruncate(there, 0)],
                "EBADF": [lambda: os.write(there, b"x"), lambda: os.posix_fallocate(there, 0, 9)],
                "EACCES": [lambda: os.execv(file, ["x"])],
                "none": [
                    lambda: os.fsync(there), lambda: fcntl.flock(there, fcntl.LOCK_SH), lambda: os.statvfs("m"),
                    lambda: os.lseek(there, 0, os.SEEK_HOLE)]}
            for expected, operations in table.items():
                for number, operation in enumerate(operations):
                    try:
                        operation(); found = "none"
                    except OSError as error:
                        found = errno.errorcode[error.errno]
                    if found != expected: print(expected, number, found)
            E
            python3 table.py && echo read
            """)
        #expect(result.output == "read\n", "\(result.errors)")
    }

    @Test func `keeps what a program has open, whatever is removed beside it`() throws {
        let result = try mounted(
            """
            exec 3<m/org/one/model.safetensors
            head -c 100 <&3 >begun
            $CAKE rm org/one >/dev/null && $CAKE gc >/dev/null || exit 1
            ls m/org 2>/dev/null
            cat begun - <&3 | cmp - one/model.safetensors && echo same
            """)
        #expect(result.output.hasSuffix("same\n"), "\(result.output) \(result.errors)")
    }

    @Test
    func
        `fails with EIO where a layer is damaged and nowhere else, says what to type, and reads it when it is repaired`()
        throws
    {
        let result = try home.shell(
            """
            cd; object=$(ls -S .local/share/cake/objects/*/* | head -1); cp $object whole
            printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' | dd of=$object bs=1 seek=300000 conv=notrunc 2>/dev/null
            mkdir m; $CAKE mount m >said 2>errors & pid=$!
            until grep -q mounted said; do sleep 0.05; done
            python3 - <<'E'
            import errno, os
            right = open("one/model.safetensors", "rb").read()
            there = os.open("m/org/one/model.safetensors", os.O_RDONLY)
            bad = []
            for start in range(0, len(right), 4096):
                try: assert os.pread(there, 4096, start) == right[start:start + 4096]
                except OSError as error:
                    assert error.errno == errno.EIO
                    bad.append(start)
            assert 0 < len(bad) * 4096 <= (1 << 20) + 8192, len(bad)
            print("EIO")
            E
            cp whole $object; cmp m/org/one/model.safetensors one/model.safetensors && echo same
            $CAKE umount m >ended; wait $pid; cat errors
            """)
        #expect(
            result.output.hasPrefix("EIO\nsame\ncannot read the tensor model.layers."),
            "\(result.output) \(result.errors)")
        #expect(result.output.contains("of org/one/model.safetensors"))
        #expect(result.output.contains("fix: cake verify org/one --repair"))
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("cannot read") } == 1)
    }

    @Test func `shows models that come and go`() throws {
        let result = try mounted(
            """
            ls m; $CAKE tag two three >/dev/null; until cmp -s m/three/config.json two/config.json; do sleep 0.05; done
            ls m
            """)
        #expect(result.output == "org\ntwo\norg\nthree\ntwo\n", "\(result.errors)")
    }

    @Test func `shows only the models that were named`() throws {
        #expect(try mounted("ls m", options: "two").output == "two\n")
        #expect(try mounted("ls m", options: "'org/*'").output == "org\n")
    }
}
