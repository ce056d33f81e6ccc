#if !Mount
    package import Model
    package import Transfer

    /// A cake without libfuse has no mounts.
    package final class MountedFolder: Sendable {
        package let path: String

        package init(
            _ tree: MountTree, _ files: OpenFiles, at path: String, source: String, isOpenToOthers: Bool
        ) throws(CakeError) {
            throw MountRefusal.notBuilt
        }

        package func forget(_ file: LazyFile) {}
        package func serve() async -> Bool { false }
        package func wait() async throws {}
        package var isOver: Bool { true }
    }
#endif
