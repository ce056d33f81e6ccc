import Foundation
public import Model

/// A client that sends exactly what the test wants, on a connection of its own. Every wait has an end.
public final class Client {
    public struct Reply {
        public let status: Int
        public let headers: [(name: String, value: String)]
        public let body: [UInt8]

        public subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

        public func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

        public var json: JSONValue? { try? JSONValue(parsing: body.span) }

        /// Of the first error.
        public var code: String? { json?["errors"]?.array?.first?["code"]?.string }

        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let descriptor: Int32
    private var waiting: [UInt8] = []
    private var isInBody = false

    /// With a small buffer the server's bytes wait at the server.
    public init(port: UInt16, buffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var buffer {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 240, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw CakeError(.network, "no connection") }
    }

    deinit { close(descriptor) }

    public func send(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes[start...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw CakeError(.network, "the server hung up") }
            start += count
        }
    }

    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Says no more, and still listens.
    public func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends the connection at once, as a killed machine's router does.
    public func reset() {
        var nothing = sockaddr()
        nothing.sa_family = sa_family_t(AF_UNSPEC)
        unsafe connect(descriptor, &nothing, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// True when the server ends the connection without another word.
    public func sawEnd() -> Bool { waiting.isEmpty && !fill() }

    private func fill() -> Bool {
        var room = [UInt8](repeating: 0, count: 64 << 10)
        var count: Int
        // A process that was stopped for a while is told so here.
        repeat { count = unsafe recv(descriptor, &room, room.count, 0) } while count < 0 && errno == EINTR
        if count > 0 { waiting += room[..<count] }
        return count > 0
    }

    public func ask(
        _ method: String, _ address: String, _ headers: [(String, String)] = [], _ body: [UInt8]? = nil,
        host: String = "localhost"
    ) throws -> Reply {
        var head = "\(method) \(address) HTTP/1.1\r\nHost: \(host)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        try send(Array((head + "\r\n").utf8) + (body ?? []))
        return try read(hasBody: method != "HEAD")
    }

    /// Whether the server asks for the body of a request that said that it expects to be asked: then it has read the head.
    public func isAskedForBody() throws -> Bool { try readHead().first?.contains(" 100 ") == true }

    public func read(hasBody: Bool = true) throws -> Reply {
        while true {
            let head = try readHead()
            var fields: [(name: String, value: String)] = []
            for line in head.dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                fields.append((line[..<colon].lowercased(), String(value)))
            }
            let status = Int(head.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
            if status == 100 { continue }
            let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
            let hasBody = hasBody && status != 204 && status != 304
            while hasBody, waiting.count < length {
                guard fill() else { throw CakeError(.network, "the body was cut at \(waiting.count) of \(length)") }
            }
            let body = hasBody ? Array(waiting.prefix(length)) : []
            waiting.removeFirst(body.count)
            return Reply(status: status, headers: fields, body: body)
        }
    }

    /// So many bytes more of an answer whose head is passed over when it is still to come.
    public func readBody(upTo count: Int) throws -> [UInt8] {
        if !isInBody { _ = try readHead() }
        isInBody = true
        while waiting.count < count {
            guard fill() else { throw CakeError(.network, "the body was cut at \(waiting.count) of \(count)") }
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    private func readHead() throws -> [String] {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let place = waiting.firstRange(of: end) {
                let head = String(decoding: waiting[..<place.lowerBound], as: UTF8.self)
                waiting.removeSubrange(..<place.upperBound)
                return head.components(separatedBy: "\r\n")
            }
            guard fill() else { throw CakeError(.network, "no answer") }
        }
    }
}
