import Model

struct DemoCommand: Verb {
    let keepsFolder: Bool

    private static let keep = Flag("keep", "leave the folder there, and say where it is")

    static let command = Command(
        Self.self, "demo", for: .learn, "watch cake at work on small models made on the spot",
        about: [
            "Makes a base, a fine-tune of its top layers, a full fine-tune, and the base sharded and renamed; imports "
                + "them, shows what they share, compares two, exports one and checks it bit for bit. It needs no "
                + "network, takes seconds, and stays inside a temporary folder."
        ],
        options: [keep.form],
        examples: [
            .init("cake demo", "ten seconds to know what cake is for"),
            .init("cake demo --keep", "and look around in its store afterwards"),
        ],
        whenInterrupted: "the temporary folder is removed")

    init(_ arguments: Arguments) throws(CakeError) {
        keepsFolder = arguments.has(Self.keep)
    }
}

extension DemoCommand {
    func run(in session: Session) async throws {
        throw CakeError(.failed, "cake demo is not there yet")
    }
}
