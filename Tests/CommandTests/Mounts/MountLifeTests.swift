import Foundation
import Support
import Testing

@Suite(.enabled(if: Mounting.isPossible, Mounting.needed)) struct `The life of a mount` {
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("two")
        try home.cake("import", home.path("two").path, "two")
    }

    @Test func `ends with SIGTERM, also when a program uses it`() throws {
        let result = try home.shell(
            """
            cd; mkdir m; $CAKE mount m >said 2>errors & pid=$!
            until grep -q mounted said; do sleep 0.05; done
            kill -TERM $pid; wait $pid; echo $?; ls m
            $CAKE mount m >again 2>errors & pid=$!
            until grep -q mounted again; do sleep 0.05; done
            (cd m/two && exec sleep 600) & user=$!
            until [ "$(readlink /proc/$user/cwd)" = "$PWD/m/two" ]; do sleep 0.05; done
            kill -TERM $pid; wait $pid; echo $?; ls m; grep -c "process $user" errors; kill $user
            """)
        #expect(result.output == "0\n0\n1\n", "\(result.output) \(result.errors)")
    }

    @Test func `is cleaned up after SIGKILL, by either verb`() throws {
        let kill =
            "pid=$($CAKE mount m --detach --json | sed -n 's/.*\"process\": \\([0-9]*\\).*/\\1/p'); kill -9 $pid;"
            + " while [ -e /proc/$pid ]; do sleep 0.05; done;"
        let result = try home.shell(
            "cd; \(kill) ls m 2>&1 | grep -c connected; $CAKE umount m; ls m; \(kill) $CAKE mount m --detach; ls m; $CAKE umount m"
        )
        #expect(result.output.hasPrefix("1\nunmounted "), "\(result.output)")
        #expect(result.errors.contains("cleaned up the mount of a cake that was killed"))
        #expect(result.output.contains("\ntwo\nunmounted "), "\(result.output)")
    }

    @Test func `is refused with what to type`() throws {
        _ = try home.shell("cd; mkdir full; touch full/x file; $CAKE mount m --detach")
        defer { _ = try? home.shell("cd; $CAKE umount m") }
        let refused = [
            "mount m": "already a mount of cake", "mount full": "is not empty: a mount would hide 1 entry",
            "mount file": "is no folder", "mount other nothing-like-it": "nothing-like-it",
            "umount full": "nothing is mounted",
            "umount /proc": "not of cake", "mount a/b/c --cache 1": "too small",
        ]
        for (words, said) in refused {
            for detach in words.hasPrefix("mount") ? ["", " --detach"] : [""] {
                let result = try home.shell("cd; $CAKE \(words)\(detach)")
                #expect(result.status != 0 && result.errors.contains(said), "\(words): \(result.errors)")
                #expect(result.errors.contains("fix:"), "\(words): \(result.errors)")
            }
        }
    }

    @Test func `is told to the manager of services when it can be listed, and when it ends`() throws {
        let result = try home.shell(
            """
            cd; cat > manager.py <<'E'
            import os, signal, socket, subprocess
            here = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            here.bind("notify")
            cake = subprocess.Popen([os.environ["CAKE"], "mount", "m", "--quiet"], env=dict(os.environ, NOTIFY_SOCKET="notify"))
            print(here.recv(1000).decode().split("\\n")[0], os.listdir("m"), flush=True)
            cake.send_signal(signal.SIGTERM)
            print(here.recv(1000).decode(), cake.wait(), os.listdir("m"))
            E
            python3 manager.py
            """)
        #expect(result.output == "READY=1 ['two']\nSTOPPING=1 0 []\n", "\(result.errors)")
    }

    @Test func `is ten times that of one store`() throws {
        let result = try home.shell(
            "cd; for n in 0 1 2 3 4 5 6 7 8 9; do $CAKE mount m$n --detach >/dev/null 2>&1; done; "
                + "for n in 0 1 2 3 4 5 6 7 8 9; do diff -r two m$n/two && echo same; $CAKE umount m$n >/dev/null; done"
        )
        #expect(result.output == String(repeating: "same\n", count: 10), "\(result.errors)")
    }
}
