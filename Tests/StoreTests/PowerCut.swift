import Foundation
import Platform
import Support

/// A folder as the disk has it and as the kernel has it; unsynced changes are the difference. It follows the operations
/// on the real one, event by event, and builds the states that a power cut may leave.
struct PowerCut {
    /// A file, with any name.
    private final class Node {
        var bytes: [UInt8]
        /// Nil until it is synced for the first time.
        var synced: [UInt8]?

        init(_ bytes: [UInt8], isSynced: Bool) {
            self.bytes = bytes
            synced = isSynced ? bytes : nil
        }
    }

    private enum Item {
        case folder
        case file(Node)

        func isSame(as other: Item) -> Bool {
            switch (self, other) {
            case (.folder, .folder): true
            case (.file(let left), .file(let right)): left === right
            default: false
            }
        }
    }

    /// Which unsynced changes the disk kept.
    enum Variant: Sendable {
        /// Nothing.
        case nothing
        /// All names, none of the bytes.
        case names
        /// All names, half of the bytes.
        case halves
        /// Some of each.
        case some(seed: UInt64)
    }

    private let root: String
    private var now: [String: Item] = [:]
    private var kept: [String: Item] = [:]
    /// What an open file writes to, though it was renamed since.
    private var opened: [String: Node] = [:]

    init(_ root: String) throws {
        self.root = root
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
            let full = root + "/" + path
            if try Disk.status(full)?.kind == .folder {
                now[full] = .folder
            } else {
                now[full] = .file(Node(Array(try Data(contentsOf: URL(filePath: full))), isSynced: true))
            }
        }
        kept = now
    }

    mutating func follow(_ event: FaultPlan.Event) {
        switch event {
        case .madeFolder(let path): now[path] = .folder
        case .created(let path):
            if case .file(let node) = now[path] {
                opened[path] = node
                return
            }
            let node = Node([], isSynced: false)
            now[path] = .file(node)
            opened[path] = node
        case .wrote(let path, let offset, let bytes):
            guard let node = node(path) else { return }
            let end = Int(offset) + bytes.count
            if node.bytes.count < end { node.bytes += [UInt8](repeating: 0, count: end - node.bytes.count) }
            node.bytes.replaceSubrange(Int(offset)..<end, with: bytes)
        case .synced(let path):
            if let node = node(path) { node.synced = node.bytes }
        case .syncedAll:
            kept = now
            for case .file(let node) in now.values { node.synced = node.bytes }
        case .renamed(let source, let target): now[target] = now.removeValue(forKey: source)
        case .removed(let path): now[path] = nil
        case .syncedFolder(let folder):
            for path in Set(now.keys).union(kept.keys) where Disk.parent(of: path) == folder { kept[path] = now[path] }
        }
    }

    private func node(_ path: String) -> Node? {
        if case .file(let node) = now[path] { return node }
        return opened[path]
    }

    /// Builds the remaining state in a new folder.
    func build(_ variant: Variant, at target: String) throws {
        var numbers = SeededNumbers(seed: 0)
        var items: [String: Item]
        switch variant {
        case .nothing: items = kept
        case .names, .halves: items = now
        case .some(let seed):
            numbers = SeededNumbers(seed: seed)
            items = kept
            for path in Set(now.keys).union(kept.keys).sorted() {
                if let old = kept[path], let new = now[path], old.isSame(as: new) { continue }
                if Bool.random(using: &numbers) { items[path] = now[path] }
            }
        }
        try Disk.makeFolder(target)
        var folders: Set<String> = [root]
        for (path, item) in items.sorted(by: { $0.key < $1.key }) where folders.contains(Disk.parent(of: path)) {
            let place = target + path.dropFirst(root.count)
            switch item {
            case .folder:
                folders.insert(path)
                try Disk.makeFolder(place)
            case .file(let node): try Data(left(of: node, variant, &numbers)).write(to: URL(filePath: place))
            }
        }
    }

    private func left(of node: Node, _ variant: Variant, _ numbers: inout SeededNumbers) -> [UInt8] {
        let synced = node.synced ?? []
        guard synced != node.bytes else { return synced }
        switch variant {
        case .nothing, .names: return synced
        case .halves: return Array(node.bytes.prefix(max(synced.count, node.bytes.count / 2)))
        case .some:
            switch UInt8.random(in: 0..<3, using: &numbers) {
            case 0: return synced
            case 1: return node.bytes
            default:
                return Array(
                    node.bytes.prefix(max(synced.count, Int.random(in: 0...node.bytes.count, using: &numbers))))
            }
        }
    }
}
