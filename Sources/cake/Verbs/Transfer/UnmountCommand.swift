import Model
import Mount

struct UnmountCommand: Verb {
    private let folder: String

    private static let folderWord = Positional("DIR", .one, .folder, "the folder of a cake mount")

    static let command = Command(
        Self.self, "umount", aliases: ["unmount"], for: .move, "end a mount",
        about: [
            "Programs that have files of it open can go on reading these until they close them. A mount that a killed cake "
                + "left behind (\"Transport endpoint is not connected\") is cleaned up."
        ],
        positionals: [folderWord],
        examples: [.init("cake umount ~/models", "the mount of cake mount ~/models")])

    init(_ arguments: Arguments) throws(CakeError) {
        guard let folder = arguments.words(Self.folderWord).first else {
            throw CakeError(.usage, "no folder is named", fix: "cake umount DIR")
        }
        self.folder = folder
    }

    func run(in session: Session) async throws {
        let point = try MountPoint(folder)
        let holders = try point.unmount()
        session.show(
            UnmountSummary(
                path: point.path, users: holders.map { UnmountSummary.User(process: $0.process, name: $0.name) }))
    }
}
