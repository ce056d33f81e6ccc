internal import Glibc
internal import Synchronization

/// One client's connection. Its thread reads a request, answers, and reads the next.
final class Connection: Sendable {
    enum Sent { case all, clientLeft }

    let number: Int
    private let descriptor: Int32

    init(_ descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    /// More bytes from the client into `bytes`; false at the end.
    func receive(into bytes: inout [UInt8]) -> Bool {
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe recv(descriptor, &room, room.count, 0)
            if count > 0 {
                bytes += room[..<count]
                return true
            }
            if count == 0 { return false }
            switch errno {
            case EINTR: continue
            case EAGAIN: if !wait(for: POLLIN) { return false }
            default: return false
            }
        }
    }

    func send(_ bytes: [UInt8], isFollowed: Bool = false, log: Log.Entry? = nil) -> Sent {
        let flags = Int32(MSG_NOSIGNAL) | (isFollowed ? Int32(MSG_MORE) : 0)
        return repeating(bytes.count, log) { done in
            unsafe bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe Glibc.send(descriptor, base + done, buffer.count - done, flags)
            }
        }
    }

    func send(_ file: OpenFile, _ range: Range<UInt64>, log: Log.Entry) -> Sent {
        repeating(Int(range.count), log) { done in
            var offset = off_t(range.lowerBound) + done
            let count = unsafe sendfile(descriptor, file.descriptor, &offset, min(Int(range.count) - done, 2 << 20))
            // The file has become shorter than it was.
            if count == 0 { errno = EPIPE }
            return count == 0 ? -1 : count
        }
    }

    /// Calls until `total` bytes are taken. A call does not wait, and the record is locked only while it runs.
    private func repeating(_ total: Int, _ log: Log.Entry?, _ call: (Int) -> Int) -> Sent {
        var done = 0
        while done < total {
            func step() -> (count: Int, number: Int32) {
                let count = call(done)
                return (count, errno)
            }
            let (count, number) =
                log?.record.withLock { record in
                    let result = step()
                    if result.count > 0 { record.sent += UInt64(result.count) }
                    return result
                } ?? step()
            if count > 0 {
                done += count
                continue
            }
            guard number == EAGAIN || number == EINTR, wait(for: POLLOUT) else { return .clientLeft }
        }
        return .all
    }

    /// False when the client is gone.
    private func wait(for event: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while unsafe poll(&entry, 1, -1) < 0 { if errno != EINTR { return false } }
        return entry.revents & Int16(POLLERR | POLLNVAL) == 0 && entry.revents & Int16(event) != 0
    }

    /// Returns when `release` can be read (true) or the client has left (false).
    func stall(until release: Int32) -> Bool {
        let leaving = Int16(clientLeaves)
        var entries = [
            pollfd(fd: descriptor, events: leaving, revents: 0), pollfd(fd: release, events: Int16(POLLIN), revents: 0),
        ]
        while unsafe poll(&entries, 2, -1) < 0 { if errno != EINTR { return false } }
        return entries[0].revents == 0
    }

    /// Does nothing for a while; false when the client left meanwhile.
    func pause(_ duration: Duration) -> Bool {
        let milliseconds = Int32(
            clamping: duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)
        var entry = pollfd(fd: descriptor, events: Int16(clientLeaves), revents: 0)
        return unsafe poll(&entry, 1, milliseconds) == 0
    }

    /// Once the client's kernel has the sent bytes: the next thing it sees is a reset.
    func reset() {
        var left: Int32 = 0
        while unsafe ioctl(descriptor, UInt(TIOCOUTQ), &left) == 0, left > 0, pause(.milliseconds(1)) {}
        var hard = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Linux's POLLRDHUP, which Glibc defines only with GNU extensions.
private let clientLeaves = 0x2000
