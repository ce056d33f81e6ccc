public import Model
public import Store

extension LocalStore {
    /// Removes a name. Its layers stay until they are collected. Manifests that a registry made of a closed model are
    /// removed first.
    public func remove(_ name: ModelName, evenIfPinned: Bool) throws(CakeError) {
        try remove(name, evenIfPinned: evenIfPinned) { record throws(CakeError) in
            if record.mark == .mirroredClosed { try RegistryStore.existing(in: self)?.forget(name) }
        }
    }
}
