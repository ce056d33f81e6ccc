internal import Model
internal import Platform
internal import Synchronization

/// The bytes of a pack, read from the store's files by range, as long as these are the same.
final class ObjectRuns: Sendable {
    private let objects: [FoundObject]
    private let extents: Extents
    /// Small objects lie in one file.
    private let last = Mutex<(path: String, file: File)?>(nil)

    init(_ objects: [FoundObject]) {
        self.objects = objects
        extents = Extents(objects.lazy.map(\.length))
    }

    var size: UInt64 { extents.whole.upperBound }

    func bytes(_ range: Range<UInt64>) throws(CakeError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for (index, part) in extents.parts(of: range) {
            let object = objects[index]
            bytes += try file(of: object).bytes(at: object.start + part.lowerBound, count: part.count)
        }
        return bytes
    }

    private func file(of object: FoundObject) throws(CakeError) -> File {
        if let last = last.withLock({ $0 }), last.path == object.path { return last.file }
        let file = try File(object.path, .read)
        guard object.isIn(try file.status()) else { throw Packing.moved }
        last.withLock { $0 = (object.path, file) }
        return file
    }
}
