internal import CMicroHTTPD
internal import Platform

/// A body that is made while it is sent. Its connection sleeps while no bytes are ready, and the thread that serves it
/// works on others.
public struct ServerStream: Sendable {
    public let count: UInt64
    private let take: @Sendable (inout MutableSpan<UInt8>, UInt64) -> Int?
    private let wait: @Sendable (UInt64, @escaping @Sendable () -> Void) -> Void

    /// `take` copies ready bytes from a position on into the room: 0 if there are none yet, nil if the body cannot be
    /// sent and its connection must be cut. It never waits. `wait` calls back once, when to take again.
    public init(
        count: UInt64, take: @escaping @Sendable (inout MutableSpan<UInt8>, UInt64) -> Int?,
        wait: @escaping @Sendable (UInt64, @escaping @Sendable () -> Void) -> Void
    ) {
        self.count = count
        self.take = take
        self.wait = wait
    }

    /// One sending of it. libmicrohttpd lets it go when it is over.
    @safe final class Reader {
        private let stream: ServerStream
        private let connection: OpaquePointer
        private let core: ServerCore

        init(_ stream: ServerStream, _ connection: OpaquePointer, _ core: ServerCore) {
            self.stream = stream
            unsafe self.connection = connection
            self.core = core
        }

        func response() -> OpaquePointer? {
            let reader = unsafe Unmanaged.passRetained(self).toOpaque()
            let made = unsafe MHD_create_response_from_callback(
                stream.count, FileRunReader.step,
                { reader, position, room, count in
                    guard let reader = unsafe reader, let room = unsafe room else { return FileRunReader.failed }
                    let start = unsafe UnsafeMutableRawPointer(room).assumingMemoryBound(to: UInt8.self)
                    var span = unsafe MutableSpan(_unsafeStart: start, count: count)
                    return unsafe Unmanaged<Reader>.fromOpaque(reader).takeUnretainedValue()
                        .read(into: &span, from: position)
                }, reader,
                { reader in if let reader = unsafe reader { unsafe Unmanaged<Reader>.fromOpaque(reader).release() } })
            if unsafe made == nil { unsafe Unmanaged<Reader>.fromOpaque(reader).release() }
            return unsafe made
        }

        private func read(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int {
            guard let count = stream.take(&room, position) else { return FileRunReader.failed }
            if count > 0 { return count }
            // Counted before: a server that ends must not miss it.
            guard core.suspend() else { return FileRunReader.failed }
            // A connection cannot be woken before it sleeps.
            unsafe MHD_suspend_connection(connection)
            let address = unsafe Int(bitPattern: connection)
            stream.wait(position) { [core] in
                unsafe MHD_resume_connection(OpaquePointer(bitPattern: address))
                core.resumed()
            }
            return 0
        }
    }
}
