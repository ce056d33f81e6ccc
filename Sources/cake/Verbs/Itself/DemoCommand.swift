import Model
import Platform

struct DemoCommand: Verb {
    let keepsFolder: Bool

    private static let keep = Flag("keep", "keep the folder, and print where it is")

    static let command = Command(
        Self.self, "demo", for: .learn, "see cake at work on small models that it makes",
        about: [
            "Makes a base, a fine-tune of its top layers, a full fine-tune, and a copy of the base with other shards and "
                + "names. Imports them, shows what they share, compares two, exports one and checks it bit for bit. The "
                + "demo needs no network, takes seconds, and writes to a temporary folder only."
        ],
        options: [keep.form],
        examples: [
            .init("cake demo", "learn in ten seconds what cake does"),
            .init("cake demo --keep", "keep its store to look around in"),
        ],
        whenInterrupted: "the temporary folder is removed")

    /// Its folder is to be gone, however busy the disk is.
    var timeToEnd: Duration { .seconds(10) }

    init(_ arguments: Arguments) throws(CakeError) {
        keepsFolder = arguments.has(Self.keep)
    }
}

extension DemoCommand {
    func run(in session: Session) async throws {
        let folder = try DemoFolder.make(for: "demo", "the demo", room: Family.roomNeeded, in: session)
        do {
            try await show(Stage(folder, session))
        } catch {
            if keepsFolder, error is CakeError, !Task.isCancelled {
                session.reporter.note("what there was until then is kept in \(folder)")
            } else {
                try? Disk.removeTree(folder)
            }
            throw error
        }
        if !keepsFolder { try Disk.removeTree(folder) }
    }

    private func show(_ stage: Stage) async throws {
        let start = ContinuousClock.now
        let session = stage.session
        try await Family(in: stage.folder, on: session.pool).make()
        stage.say("A small family of models, made here and now from a seed:")
        if stage.isShown {
            for member in Family.members {
                session.output.lines(HelpText.entry(member.name, member.meaning, column: 13, session.page))
            }
            let setting = "$ cd \(stage.folder); export CAKE_HOME=$PWD/store"
            session.output.lines(["", session.style.paint(setting, .accent)])
        }
        var steps: [JSONValue] = []
        for member in Family.members { steps.append(try await stage.run("import", member.name)) }
        steps.append(try await stage.run("ls"))
        steps.append(try await stage.run("df"))
        steps.append(try await stage.run("diff", "base", "top-tune"))
        steps.append(try await stage.run("export", "resharded", "-o", "back"))
        let same = try FolderComparison("resharded", "back")
        session.show(
            DemoSummary(
                steps: steps, same: same, elapsed: ContinuousClock.now - start, stage: stage, keepsFolder: keepsFolder))
    }
}
