public import Model
public import Store

extension LocalStore {
    /// Removes a name. Its layers stay until they are collected. Manifests that a registry made of a closed model are
    /// removed first.
    public func remove(_ name: ModelName, evenIfPinned: Bool) throws(CakeError) {
        try remove(name, evenIfPinned: evenIfPinned) { record throws(CakeError) in try forget(name, record) }
    }

    /// Gives a model another name instead of the one it has.
    public func rename(
        _ old: ModelName, to new: ModelName, in operation: Operation,
        unless refuses: (NameRecord?, NameRecord) throws(CakeError) -> Void
    ) throws(CakeError) {
        try rename(old, to: new, in: operation, unless: refuses) { record throws(CakeError) in try forget(old, record) }
    }

    private func forget(_ name: ModelName, _ record: NameRecord) throws(CakeError) {
        if record.mark == .mirroredClosed { try RegistryStore.existing(in: self)?.forget(name) }
    }
}
