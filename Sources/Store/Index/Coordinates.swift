public import Model
internal import Platform

/// Where a server said that it keeps a model's layers, by the model's manifest. Derived: it spares bytes while it is there,
/// and nothing is lost with it.
extension LocalStore {
    /// Nil if there are none, or they cannot be read.
    public func coordinates(of manifest: Digest) -> XetRecord? {
        guard let bytes = try? Disk.read(layout.coordinates(of: manifest), limit: XetRecord.maximumSize) else {
            return nil
        }
        return try? XetRecord(parsing: bytes.span)
    }

    public func keep(_ record: XetRecord, of manifest: Digest, in operation: Operation) throws(CakeError) {
        try replace(layout.coordinates(of: manifest), with: record.text, in: operation)
    }
}
