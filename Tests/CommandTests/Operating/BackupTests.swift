import Foundation
import Support
import Testing

@testable import cake

@Suite struct `A backup` {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../docs/operate/backup").standardizedFileURL.path

    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one")
        try home.makeModel("two", seed: 2, tensors: 9)
        try home.cake("import", home.path("one").path, "one")
        let served = try Served(home, "--push")
        try home.cake("push", "one", "127.0.0.1:\(served.port)/team/m:v1")
        try served.end()
    }

    /// Copies the store three times, while models come and go beside it.
    private func copy() throws -> Tool {
        try home.shell(
            """
            cd; export CAKE_HOME=~/.local/share/cake
            (i=0; while [ ! -e stop ]; do i=$((i+1)); $CAKE import two two-$i; $CAKE rm two-$i; $CAKE gc --now
            done) >/dev/null 2>&1 &
            for n in 1 2 3; do
                '\(Self.script)' $CAKE_HOME ~/copy && $CAKE --store ~/copy verify || echo wrong >&2
                for name in $($CAKE --store ~/copy ls -q); do
                    rm -rf out; $CAKE --store ~/copy export $name -o out && diff -r out $([[ $name == one ]] && echo one || echo two) >&2
                done
            done
            touch stop; wait
            """)
    }

    @Test(.enabled(if: Tool.exists("rsync") && Tool.exists("flock")))
    func `of a store that is used has every model and tag whole, and is a store again`() throws {
        let copied = try copy()
        #expect(copied.errors.contains("wrong") == false && !copied.errors.contains("differ"), "\(copied.errors)")
        let user = try Home()
        try FileManager.default.createDirectory(
            at: user.store.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: home.path("copy"), to: user.store)
        #expect(try user.cake("verify").status == 0)
        #expect(try user.cake("ls", "-q").output.contains("one\n"))
        let served = try Served(user, "--push")
        let client = try Home()
        let pull = try client.cake("pull", "127.0.0.1:\(served.port)/team/m:v1", "m")
        #expect(pull.status == 0, "\(pull.errors)")
        #expect(try client.cake("export", "m", "-o", client.path("out").path).status == 0)
        #expect(
            FileManager.default.contentsEqual(atPath: client.path("out").path, andPath: home.path("one").path))
        try served.end()
        #expect(try user.cake("import", home.path("two").path, "new").status == 0)
        #expect(try user.cake("gc", "--now").status == 0)
    }
}
