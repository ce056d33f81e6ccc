import Model
import Platform

struct SelfTestCommand: Verb {
    static let command = Command(
        Self.self, "self-test", for: .learn, "check that cake works on this machine, and how fast it is",
        about: [
            "Makes a small model and a fine-tune of it in a temporary folder, imports both, pushes the fine-tune to a server of "
                + "its own on loopback, pulls it from there into other stores, exports it, compares every byte, and verifies the "
                + "stores. Then it measures the speed of one thread, and says which instructions of the processor cake uses, where "
                + "this system has its certificates, and whether cake mount can work.",
            "It needs no network, and leaves nothing behind. Your store, settings and tokens are not used. The exit status is 0 "
                + "if all of it worked.",
        ],
        examples: [
            .init("cake self-test", "after an installation"),
            .init("cake self-test --json", "for a program that installs cake on many machines"),
        ],
        whenInterrupted: "the temporary folder is removed")

    /// Its folder is to be gone, however busy the disk is.
    var timeToEnd: Duration { .seconds(10) }

    init(_ arguments: Arguments) throws(CakeError) {}
}

extension SelfTestCommand {
    func run(in session: Session) async throws {
        let folder = try DemoFolder.make(for: "self-test", "the test", room: SelfTest.roomNeeded, in: session)
        let start = ContinuousClock.now
        let outcome: SelfTest.Outcome
        do {
            outcome = try await SelfTest(folder: folder, session: session).run()
        } catch {
            try? Disk.removeTree(folder)
            throw error
        }
        try Disk.removeTree(folder)
        session.show(SelfTestSummary(outcome: outcome, elapsed: ContinuousClock.now - start))
    }
}
