import Model
import Platform

/// Two folders of files, read side by side.
struct FolderComparison: Sendable {
    private(set) var files = 0
    private(set) var bytes: UInt64 = 0

    /// Fails at the first thing that is not the same to the last bit.
    init(_ left: String, _ right: String) throws {
        let names = try Disk.names(in: left)
        guard names == (try Disk.names(in: right)) else {
            throw CakeError(.damaged, "\(left) and \(right) do not hold the same files: \(names)")
        }
        let (here, there) = (Chunk(capacity: 1 << 20), Chunk(capacity: 1 << 20))
        for name in names {
            let (one, other) = (try File(left + "/" + name, .read), try File(right + "/" + name, .read))
            let size = try one.size()
            guard size == (try other.size()) else { throw Self.differ(left, right, name, "in their length") }
            var offset: UInt64 = 0
            while offset < size {
                try Task.checkCancellation()
                let count = Int(min(UInt64(here.capacity), size - offset))
                try one.fill(here, from: offset, count: count)
                try other.fill(there, from: offset, count: count)
                guard there.withBytes(here.holds) else { throw Self.differ(left, right, name, "after byte \(offset)") }
                offset += UInt64(count)
            }
            files += 1
            bytes += size
        }
    }

    private static func differ(_ left: String, _ right: String, _ name: String, _ place: String) -> CakeError {
        CakeError(
            .damaged, "\(left)/\(name) and \(right)/\(name) differ \(place)",
            fix: "check this machine's memory and disk, then report it with what cake demo --keep leaves")
    }
}
