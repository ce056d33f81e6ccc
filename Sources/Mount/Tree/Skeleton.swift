package import Model
package import Store

/// A place in the mount.
package struct Node: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        /// The beginning of names; empty for the top.
        case names(String)
        /// A folder or file of a model, under its name.
        case model(ModelName, Digest, String)
    }

    let place: Place
}

package struct Attributes: Sendable {
    package enum Kind: Sendable { case folder, file, link }

    package let kind: Kind
    package let size: UInt64
    /// Seconds since 1970.
    package let modified: Int
}

/// What a file is made of.
package struct Content: Sendable {
    package enum Part: Sendable {
        case bytes([UInt8])
        case zeros(UInt64)
        case layer(Layer)

        package var size: UInt64 {
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .zeros(let count): count
            case .layer(let layer): layer.size
            }
        }
    }

    /// To be held by a lease while the file is open.
    package let manifest: Digest?
    package let parts: [Part]
}

/// The models of a store as folders and files.
package final class MountTree: Sendable {
    private let store: LocalStore

    package init(_ store: LocalStore, only: [StarPattern] = [], showsClosed: Bool = true) { self.store = store }

    package var root: Node { Node(place: .names("")) }

    package func node(_ name: String, in folder: Node) throws(CakeError) -> Node? {
        try entries(of: folder).first { $0.name == name }?.node
    }

    package func entries(of folder: Node) throws(CakeError) -> [(name: String, node: Node)] {
        var found: [String: Node] = [:]
        switch folder.place {
        case .names(let text):
            let above = text.isEmpty ? "" : text + "/"
            for named in try store.allNames() where named.name.string.hasPrefix(above) {
                let rest = named.name.string.dropFirst(above.count)
                let first = String(rest.prefix { $0 != "/" })
                found[first] =
                    first.count == rest.count
                    ? Node(place: .model(named.name, named.record.manifest, "")) : Node(place: .names(above + first))
            }
        case .model(let name, let digest, let text):
            let above = text.isEmpty ? "" : text + "/"
            for file in try store.manifest(digest).files where "\(file.path)".hasPrefix(above) {
                let first = String("\(file.path)".dropFirst(above.count).prefix { $0 != "/" })
                found[first] = Node(place: .model(name, digest, above + first))
            }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    package func attributes(of node: Node) throws(CakeError) -> Attributes {
        guard case .model(_, let digest, let path) = node.place, let file = try store.manifest(digest).file(at: path)
        else { return Attributes(kind: .folder, size: 0, modified: 0) }
        return Attributes(kind: .file, size: file.size, modified: 0)
    }

    package func content(of file: Node) throws(CakeError) -> Content {
        guard case .model(_, let digest, let path) = file.place, let found = try store.manifest(digest).file(at: path)
        else { throw CakeError(.notFound, "it is no file") }
        return Content(manifest: digest, parts: found.segments.map { .layer($0.layer) })
    }

    package func target(of link: Node) throws(CakeError) -> String { throw CakeError(.notFound, "it is no link") }
}

/// What the kernel needs to know of a node without looking at the store.
extension MountTree {
    /// What the node is, and what it contains, never changes.
    func isFixed(_ node: Node) -> Bool { if case .model = node.place { true } else { false } }

    func isFolder(_ node: Node) -> Bool { (try? attributes(of: node).kind) == .folder }

    func isLink(_ node: Node) -> Bool { false }

    /// From the mount's folder on, for people.
    func path(of node: Node) -> String {
        switch node.place {
        case .names(let text): text
        case .model(let name, _, let path): path.isEmpty ? name.string : name.string + "/" + path
        }
    }
}
