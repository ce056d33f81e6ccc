import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Remote
import Server
import Store
import Support
import Synchronization
import Testing

/// Servers of a ring, each with a store of its own, before one hub of tests.
final class Ring: Sendable {
    static let secret = "a-secret-of-tests-which-is-long-enough"
    static let reader = "hf_readerreaderreader"

    let line: MirrorStage
    /// What operators were told.
    let said = Mutex<[String]>([])
    private let listed = Mutex<[String]>([])
    private let patience: Duration

    init(patience: Duration = .seconds(600)) throws {
        self.patience = patience
        line = try MirrorStage(["config.json": Array("{}".utf8)]) { settings in
            settings.users = [Ring.reader: .init("reader", reads: ["org/closed"]), "hf_stranger": .init("stranger")]
        }
    }

    /// A server. It knows its peers once they have met.
    func serve(
        secret: String = Ring.secret, _ change: (inout RegistryServer.Settings) -> Void = { _ in },
        knowing others: (@Sendable () -> [String])? = nil
    ) throws -> Stage {
        let known = try PeerSecret(secret)
        return try line.serve(in: Scratch()) { settings in
            var peers = Peers.Settings(.servers([]), known)
            peers.patience = patience
            peers.longestWait = .seconds(600)
            peers.refresh = .seconds(3600)
            peers.refreshWhileOneIsMissing = .seconds(3600)
            peers.says = { [weak self] words in self?.said.withLock { $0.append(words) } }
            peers.listed = { [weak self] in
                let servers = others?() ?? self?.listed.withLock { $0 } ?? []
                return (try? PeerList(servers.joined(separator: ","), port: 1)) ?? .servers([])
            }
            settings.mirror?.peers = peers
            change(&settings)
        }
    }

    /// From now on these are the ring, and know each other.
    func meet(_ stages: [Stage], beside others: [String] = []) async {
        listed.withLock { $0 = stages.map(\.authority) + others }
        for stage in stages { await stage.server.meetPeers() }
    }

    /// A model of one file, of which the file's order begins with these servers.
    func model(before wanted: [String], size: Int = 3 << 20, as name: String = "org/model") async throws -> Model {
        let servers = listed.withLock { $0 }
        for number in 0... {
            let (id, path) = (name == "org/model" ? "org/m\(number)" : name, "weights-\(number).bin")
            let bytes = seededBytes(size, seed: UInt64(number))
            try line.folder.write(id, [path: bytes])
            let model = try Model(id: id, path: path, bytes: bytes, commit: await commit(of: id))
            let order = PeerRing.order(servers, for: try model.key).map { servers[$0] }
            guard order.starts(with: wanted) else { continue }
            line.hub.forgetRequests()
            return model
        }
        throw CakeError(.failed, "there are numbers without end")
    }

    private func commit(of id: String) async throws -> String {
        let source = HubSource(
            try HubRoutes(endpoint: line.hub.endpoint), token: try HubToken(Ring.reader),
            client: try HTTPClient(HTTPSettings(userAgent: "cake/test")))
        return try await source.snapshot(of: HubReference(HubRepository(id))).commit
    }

    struct Model {
        let id: String
        let path: String
        let bytes: [UInt8]
        let commit: String

        var address: String { "/\(id)/resolve/main/\(path)" }
        /// As a peer asks for it.
        var peerAddress: String { "\(PeerRoute.prefix)/\(id)/resolve/\(commit)/\(path)" }

        var key: String {
            get throws {
                PeerRing.key(try FilePath(path), size: UInt64(bytes.count), of: try HubRepository(id), at: commit)
            }
        }
    }

    /// Bytes of that file that the hub sent.
    func sent(_ model: Model) -> UInt64 { line.hub.sent(.cdn(endingIn: model.path)) }

    static func bearer(_ secret: String = Ring.secret) -> [(String, String)] { [("Authorization", "Bearer \(secret)")] }
}

extension Stage {
    var authority: String { "127.0.0.1:\(server.address.port)" }

    func metric(_ name: String) throws -> UInt64 {
        let line = try ask("GET", "/metrics").text.split(separator: "\n").first { $0.hasPrefix("cake_\(name) ") }
        return UInt64(try #require(line).split(separator: " ")[1]) ?? 0
    }

    /// Requests of peers that have been answered.
    var askedByPeers: [ServerRecord] { log.all.filter { $0.request.address.hasPrefix(PeerRoute.prefix + "/") } }
}

/// A program at a peer's address that answers as a test wants.
final class StrangePeer: Sendable {
    enum Manner: Sendable {
        /// Zeros, with the right length.
        case lies
        /// So many bytes of a file, and then nothing until it is released.
        case stalls(after: Int)
        /// The same, and it says that it sends; each time that it is asked, a thousand bytes more come.
        case isCrowded(after: Int)

        var most: Int? {
            switch self {
            case .lies: nil
            case .stalls(let most), .isCrowded(let most): most
            }
        }
    }

    private final class Held: Sendable {
        let waiting = Mutex<[@Sendable () -> Void]>([])
        let isOver = Mutex(false)
        let isReleased = Mutex(false)
        let questions = Atomic(0)
    }

    private let server: HTTPServer
    private let held = Held()

    init(_ manner: Manner, _ model: @escaping @Sendable () -> Ring.Model?) throws {
        server = try HTTPServer(
            ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: Stage.pool
        ) { [held] request in
            .quick {
                guard let route = try? PeerRoute(request.address) else { return ServerReply(404) }
                let json = [(name: "Content-Type", value: "application/json")]
                if route == .server { return ServerReply(200, json, .bytes(Array(#"{"server":"strange"}"#.utf8))) }
                if request.address.contains("?") {
                    held.questions.add(1, ordering: .relaxed)
                    StrangePeer.wake(held)
                    let sends = if case .isCrowded = manner { true } else { false }
                    return ServerReply(200, json, .bytes(Array(#"{"waits":false,"sends":\#(sends)}"#.utf8)))
                }
                guard let model = model() else { return ServerReply(404) }
                return StrangePeer.reply(manner, model.bytes, request, held)
            }
        }
    }

    private static func reply(
        _ manner: Manner, _ bytes: [UInt8], _ request: ServerRequest, _ held: Held
    ) -> ServerReply {
        let size = UInt64(bytes.count)
        guard case .part(let range) = ByteRange(header: request["range"], size: size) else {
            return ServerReply(200, [("Accept-Ranges", "bytes")], .bytes(bytes))
        }
        let headers = [(name: "Content-Range", value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")]
        let stream = ServerStream(count: range.upperBound - range.lowerBound) { room, position in
            if held.isOver.withLock({ $0 }) { return nil }
            var count = min(room.count, range.count - Int(position))
            if var most = manner.most, !held.isReleased.withLock({ $0 }) {
                if case .isCrowded = manner { most += 1000 * held.questions.load(ordering: .relaxed) }
                count = min(count, max(0, most - Int(position)))
            }
            for index in 0..<count { room[index] = 0 }
            if manner.most != nil {
                for index in 0..<count { room[index] = bytes[Int(range.lowerBound + position) + index] }
            }
            return count
        } wait: { _, then in
            held.waiting.withLock { $0.append(then) }
            if held.isOver.withLock({ $0 }) || held.isReleased.withLock({ $0 }) { StrangePeer.wake(held) }
        }
        return ServerReply(206, headers, .stream(stream))
    }

    var authority: String { "127.0.0.1:\(server.port)" }

    /// How often it was asked why nothing comes.
    var questions: Int { held.questions.load(ordering: .relaxed) }

    /// The rest comes.
    func release() {
        held.isReleased.withLock { $0 = true }
        StrangePeer.wake(held)
    }

    private static func wake(_ held: Held) {
        let waiting = held.waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for then in waiting { then() }
    }

    deinit {
        held.isOver.withLock { $0 = true }
        StrangePeer.wake(held)
    }
}
