public import Model
internal import Platform

extension LocalStore {
    /// Bytes that were made and not read, put where a layer can be made of them; they go with the operation.
    public func scratch(_ bytes: [UInt8], in operation: Operation) throws(CakeError) -> PlainBytes {
        let file = try File(operation.folder + "/made", .create)
        try file.write(bytes.span, at: 0)
        return PlainBytes(file: file, start: 0, count: UInt64(bytes.count))
    }
}
