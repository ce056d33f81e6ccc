internal import Glibc
public import Model

/// Files that the kernel writes as they are read, such as those of `/proc`.
extension Disk {
    /// All bytes of a file whose size is not known beforehand, at most so many.
    public static func readAll(_ path: String, limit: Int) throws(CakeError) -> [UInt8] {
        let file = try File(path, .read)
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < limit {
            var span = room.mutableSpan
            let count = try file.read(into: &span, at: UInt64(bytes.count))
            bytes += room[..<count]
            if count < room.count { break }
        }
        return bytes
    }

    /// What a link says; nil if it is none, or may not be read.
    public static func target(ofLink path: String) -> String? {
        var room = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe room.withUnsafeMutableBufferPointer { room in
            guard let start = room.baseAddress else { return -1 }
            return unsafe start.withMemoryRebound(to: CChar.self, capacity: room.count) {
                unsafe readlink(path, $0, room.count)
            }
        }
        return count < 0 ? nil : String(decoding: room[..<count], as: UTF8.self)
    }
}
