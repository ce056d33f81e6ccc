internal import Glibc
internal import Platform

/// A client that begins with TLS where plain HTTP is spoken. libmicrohttpd reads its random bytes as a first line, and
/// closes some of these connections without a word.
enum TLSRefusal {
    /// The first byte of every TLS handshake, and of no request.
    private static let handshake: UInt8 = 0x16

    private static let words = Array(
        """
        This server uses plain HTTP here, and got a TLS handshake: write http:// before its address, \
        or start it with --tls-certificate and --tls-key

        """.utf8)

    private static let reply =
        Array(
            """
            HTTP/1.1 400 Bad Request\r
            Content-Type: text/plain; charset=utf-8\r
            Content-Length: \(words.count)\r
            Connection: close\r
            \r\n
            """.utf8) + words

    /// Called for a new connection. The listener passes it on with its first bytes: there is no wait.
    static func answer(on descriptor: Int32) {
        var first: UInt8 = 0
        guard unsafe recv(descriptor, &first, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1,
            first == handshake
        else { return }
        // Unread bytes would make the kernel cut the connection, and the reply with it.
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while unsafe recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT)) > 0 {}
        _ = unsafe reply.withUnsafeBytes {
            unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        shutdown(descriptor, Int32(SHUT_WR))
    }
}
