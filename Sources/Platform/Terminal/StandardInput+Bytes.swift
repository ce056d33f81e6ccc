internal import Glibc
internal import Model

extension StandardInput {
    /// Bytes of another program, as many as are there and the chunk has room for; 0 at the end. It waits on its thread, and
    /// looks now and then whether the task was cancelled.
    public func fill(_ chunk: Chunk) throws -> Int {
        while true {
            try Task.checkCancellation()
            var request = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&request, 1, StandardInput.patience) != 0 else { continue }
            let start = chunk.count
            let count = try chunk.withRoom { room throws(CakeError) in
                var rest = room._mutatingExtracting(start..<room.count)
                return try unsafe rest.withUnsafeMutableBufferPointer { buffer throws(CakeError) in
                    try retrying("read", "standard input") {
                        unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                    }
                }
            }
            chunk.count = start + count
            return count
        }
    }

    /// Milliseconds.
    private static let patience: Int32 = 200
}
