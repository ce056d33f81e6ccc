public import Model
public import Store

extension LocalStore {
    /// Takes a name away. Its layers stay until they are collected. What a registry made of a closed model goes first.
    public func remove(_ name: ModelName, evenIfPinned: Bool) throws(CakeError) {
        try remove(name, evenIfPinned: evenIfPinned) { record throws(CakeError) in
            if record.mark == .mirroredClosed { try RegistryStore.existing(in: self)?.forget(name) }
        }
    }
}
