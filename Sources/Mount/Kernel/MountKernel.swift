#if Mount
    internal import CMount
    internal import Glibc
    internal import Model
    internal import Platform
    internal import Synchronization
    internal import Transfer

    /// Answers the kernel's questions about a tree. Its methods run on libfuse's threads, many at once.
    final class MountKernel: Sendable {
        private let tree: MountTree
        private let files: OpenFiles
        private let nodes: Nodes
        let waiting = WaitingRequests()
        private let began = Machine.now
        private let readiness: @Sendable () -> Void

        /// For how many seconds the kernel may believe an answer: names change, what is in a model does not.
        private static let lifeOfNames = 1.0
        private static let lifeOfContent = 86_400.0

        init(_ tree: MountTree, _ files: OpenFiles, ready: @escaping @Sendable () -> Void) {
            self.tree = tree
            self.files = files
            readiness = ready
            nodes = Nodes(tree.root)
        }

        func ready() { readiness() }

        func lookup(_ name: String, in folder: UInt64) throws -> cake_entry {
            guard name.utf8.count <= MountKernel.longestName else { throw KernelError(ENAMETOOLONG) }
            guard let above = nodes.node(folder) else { throw KernelError(ESTALE) }
            guard let node = try tree.node(name, in: above) else { throw KernelError(ENOENT) }
            let attributes = try tree.attributes(of: node)
            return entry(of: node, attributes, number: nodes.tell(node))
        }

        private static let longestName = 255

        func forget(_ number: UInt64, _ count: UInt64) { nodes.forget(number, count) }

        /// By which numbers the kernel knows a file.
        func numbers(of file: LazyFile) -> [UInt64] { nodes.numbers { tree.isFile($0, file) } }

        func attributes(of number: UInt64) throws -> cake_entry {
            guard let node = nodes.node(number) else { throw KernelError(ESTALE) }
            return entry(of: node, try tree.attributes(of: node), number: number)
        }

        func target(of number: UInt64) throws -> String {
            guard let node = nodes.node(number) else { throw KernelError(ESTALE) }
            return try tree.target(of: node)
        }

        func open(_ number: UInt64) throws -> OpenFile {
            guard let node = nodes.node(number) else { throw KernelError(ESTALE) }
            guard try tree.attributes(of: node).kind == .file else { throw KernelError(EISDIR) }
            return try files.open(
                tree.content(of: node), at: tree.path(of: node), of: tree.model(of: node), isFixed: tree.isFixed(node))
        }

        func openFolder(_ number: UInt64) throws -> OpenFolder {
            guard let node = nodes.node(number) else { throw KernelError(ESTALE) }
            return OpenFolder(node, try tree.entries(of: node), isFixed: tree.isFixed(node))
        }

        /// Adds the entries of a folder from a position on, as long as there is room.
        func list(
            _ folder: OpenFolder, from position: UInt64, isFull: Bool, _ add: (String, cake_entry, UInt64) -> Bool
        ) {
            var place = Int(clamping: position)
            while let (name, node) = folder.entry(place) {
                let entry = isFull && place >= OpenFolder.dots ? tell(node) : outline(of: node)
                guard add(name, entry, UInt64(place + 1)) else {
                    if entry.node != 0 { nodes.forget(entry.node, 1) }
                    return
                }
                place += 1
            }
        }

        /// One that cannot be looked at is left to a lookup, which fails with its own error.
        private func tell(_ node: Node) -> cake_entry {
            guard let attributes = try? tree.attributes(of: node) else { return outline(of: node) }
            return entry(of: node, attributes, number: nodes.tell(node))
        }

        private func outline(of node: Node) -> cake_entry {
            var entry = cake_entry()
            entry.inode = inode(of: node)
            entry.mode =
                switch tree.kind(of: node) {
                case .folder: S_IFDIR
                case .file: S_IFREG
                case .link: S_IFLNK
                }
            return entry
        }

        private func entry(of node: Node, _ attributes: Attributes, number: UInt64) -> cake_entry {
            var entry = cake_entry()
            entry.node = number == Nodes.root ? 0 : number
            entry.inode = inode(of: node)
            entry.size = attributes.size
            entry.modified = Int64(attributes.modified == 0 ? began : attributes.modified)
            entry.changed = entry.modified
            entry.links = 1
            switch attributes.kind {
            case .folder:
                entry.mode = S_IFDIR | 0o555
                entry.links = 2
            case .file: entry.mode = S_IFREG | 0o444
            case .link: entry.mode = S_IFLNK | 0o777
            }
            entry.entry_life = tree.isFixed(node) ? MountKernel.lifeOfContent : MountKernel.lifeOfNames
            entry.attributes_life = entry.entry_life
            return entry
        }

        /// The same for a node as long as this runs, also when the kernel forgot it meanwhile.
        private func inode(of node: Node) -> UInt64 {
            if node == tree.root { return Nodes.root }
            // Some programs keep it as a signed number.
            return max(2, UInt64(truncatingIfNeeded: node.hashValue) >> 1)
        }
    }

    /// What a folder contained when a program opened it.
    final class OpenFolder: Sendable {
        let isFixed: Bool
        private let own: Node
        private let entries: [(name: String, node: Node)]

        /// `.` and `..` come first.
        static let dots = 2

        init(_ own: Node, _ entries: [(name: String, node: Node)], isFixed: Bool) {
            (self.own, self.entries, self.isFixed) = (own, entries, isFixed)
        }

        func entry(_ place: Int) -> (name: String, node: Node)? {
            if place < OpenFolder.dots { return (place == 0 ? "." : "..", own) }
            let index = place - OpenFolder.dots
            return index < entries.count ? entries[index] : nil
        }
    }
#endif
