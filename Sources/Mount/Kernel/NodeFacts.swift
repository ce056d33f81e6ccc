internal import Model

/// What the kernel is told of a node without a look at the store.
extension MountTree {
    /// What it is, and what it contains, never changes: it belongs to a version of a model.
    func isFixed(_ node: Node) -> Bool {
        if case .file = node.place { return true }
        if case .folder = node.place { return true }
        return false
    }

    func kind(of node: Node) -> Attributes.Kind {
        if case .file = node.place { return .file }
        return (try? attributes(of: node).kind) ?? .folder
    }

    /// Where a file is, for people.
    func path(of node: Node) -> String {
        guard case .file(let version, let file) = node.place, let index = try? index(of: version) else {
            return "a file"
        }
        return "\(versions[version].name)/" + String(decoding: index.path(of: Int(file)), as: UTF8.self)
    }

    /// The name of the model that a file belongs to; nil for one that belongs to none.
    func model(of node: Node) -> ModelName? {
        if case .file(let version, _) = node.place { return versions[version].name }
        return nil
    }
}
