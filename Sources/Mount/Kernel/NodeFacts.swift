internal import Model

/// What the kernel is told of a node without a look at the store.
extension MountTree {
    func kind(of node: Node) -> Attributes.Kind { isFolder(node) ? .folder : isLink(node) ? .link : .file }

    /// The name of the model that a file belongs to; nil for one that belongs to none.
    func model(of node: Node) -> ModelName? {
        switch node.place {
        case .file(let version, _), .archive(let version): versions[version].name
        default: nil
        }
    }
}
