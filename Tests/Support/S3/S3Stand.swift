internal import Foundation
internal import Model
internal import Network
internal import Platform
internal import Synchronization

/// Object storage in memory, written from the protocol: of engines that differ in which conditions they heed. It checks
/// no signatures.
public final class S3Stand: Sendable {
    public enum Engine: Sendable {
        /// Heeds every condition.
        case amazon
        /// Ignores the conditions of DELETE and of completed uploads, and compares ETags with all of If-Match.
        case ceph
        /// Ignores all conditions.
        case careless
    }

    private let server: HTTPServer
    private let shelf: S3Shelf

    /// A page of a listing has so many keys.
    public init(_ engine: Engine = .amazon, page: Int = 1000) throws {
        let shelf = S3Shelf(engine, page: page)
        self.shelf = shelf
        var limits = ServerLimits()
        (limits.heldBytes, limits.heldBytesPerClient) = (1 << 30, 1 << 30)
        server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), limits, pool: testPool) { request in
            .holding(atMost: 256 << 20) { body in shelf.answer(request, body ?? []) }
        }
    }

    public var endpoint: String { "http://127.0.0.1:\(server.port)" }

    /// The keys that are there, also those that a client hides.
    public var keys: [String] { shelf.state.withLock { $0.values.keys.sorted() } }

    /// Requests so far, as method and address.
    public var asked: [String] { shelf.state.withLock { $0.asked } }

    /// Unfinished uploads.
    public var uploads: Int { shelf.state.withLock { $0.uploads.count } }

    public func bytes(_ key: String) -> [UInt8]? { shelf.state.withLock { $0.values[key]?.bytes } }

    /// Makes a value so much older.
    public func age(_ key: String, seconds: Int) { shelf.state.withLock { $0.values[key]?.time -= seconds } }

    /// From now on its clock is so much later.
    public func pass(seconds: Int) { shelf.state.withLock { $0.ahead += seconds } }

    /// Makes unfinished uploads so much older.
    public func ageUploads(seconds: Int) {
        shelf.state.withLock { state in for id in state.uploads.keys { state.uploads[id]?.time -= seconds } }
    }

    /// Forgets a part of each unfinished upload.
    public func losePart(_ number: Int) {
        shelf.state.withLock { state in for id in state.uploads.keys { state.uploads[id]?.parts[number] = nil } }
    }

    /// Forgets all unfinished uploads, as a rule of a bucket may.
    public func loseUploads() { shelf.state.withLock { $0.uploads = [:] } }
}

/// The values of a stand, and its answers.
final class S3Shelf: Sendable {
    struct Value {
        let bytes: [UInt8]
        let etag: String
        let notes: [(name: String, value: String)]
        var time: Int
    }

    struct Upload {
        let key: String
        let notes: [(name: String, value: String)]
        var parts: [Int: [UInt8]] = [:]
        var time = Machine.now
    }

    struct State {
        var values: [String: Value] = [:]
        var uploads: [String: Upload] = [:]
        var asked: [String] = []
        var last = 0
        var ahead = 0
        var now: Int { Machine.now + ahead }
    }

    let state = Mutex(State())
    private let engine: S3Stand.Engine
    private let page: Int

    init(_ engine: S3Stand.Engine, page: Int) { (self.engine, self.page) = (engine, page) }

    func answer(_ request: ServerRequest, _ body: [UInt8]) -> ServerReply {
        state.withLock { state in
            state.asked.append("\(request.method) \(request.address)")
            guard let target = RequestTarget(request.address) else { return S3Shelf.refusal(400, "InvalidURI") }
            guard target.parts.first == "bucket" else { return S3Shelf.refusal(404, "NoSuchBucket") }
            let key = target.parts.dropFirst().joined(separator: "/")
            if key.isEmpty { return target["uploads"] == nil ? list(target, state) : unfinished(target, state) }
            if let id = target["uploadId"] { return part(request.method, key, id, target, request, body, &state) }
            switch request.method {
            case "POST":
                state.last += 1
                state.uploads["upload-\(state.last)"] = Upload(key: key, notes: S3Shelf.notes(request))
                return S3Shelf.xml(200, "InitiateMultipartUploadResult", "<UploadId>upload-\(state.last)</UploadId>")
            case "PUT":
                let etag = S3Shelf.etag(body)
                guard engine == .careless || holds(request, state.values[key]) else {
                    return S3Shelf.refusal(412, "PreconditionFailed")
                }
                state.values[key] = Value(
                    bytes: body, etag: etag, notes: S3Shelf.notes(request), time: state.now)
                return ServerReply(200, [("ETag", "\"\(etag)\"")])
            case "DELETE":
                guard engine != .amazon || holds(request, state.values[key]) else {
                    return S3Shelf.refusal(412, "PreconditionFailed")
                }
                state.values[key] = nil
                return ServerReply(204)
            default: return read(request, state.values[key], state.now)
            }
        }
    }

    private func holds(_ request: ServerRequest, _ there: Value?) -> Bool {
        if request["if-none-match"] == "*", there != nil { return false }
        guard let match = request["if-match"] else { return true }
        return (engine == .ceph ? match : match.replacing("\"", with: "")) == there?.etag
    }

    private func read(_ request: ServerRequest, _ value: Value?, _ now: Int) -> ServerReply {
        guard let value else { return S3Shelf.refusal(404, "NoSuchKey") }
        guard holds(request, value) else { return S3Shelf.refusal(412, "PreconditionFailed") }
        let headers =
            [
                (name: "ETag", value: "\"\(value.etag)\""), ("Last-Modified", S3Shelf.date(value.time)),
                ("Date", S3Shelf.date(now)),
            ] + value.notes
        guard let asked = request["range"] else { return ServerReply(200, headers, .bytes(value.bytes)) }
        guard case .part(let range) = ByteRange(header: asked, size: UInt64(value.bytes.count)) else {
            return S3Shelf.refusal(416, "InvalidRange")
        }
        let said = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(value.bytes.count)"
        return ServerReply(
            206, headers + [("Content-Range", said)],
            .bytes(Array(value.bytes[Int(range.lowerBound)..<Int(range.upperBound)])))
    }

    private func part(
        _ method: String, _ key: String, _ id: String, _ target: RequestTarget, _ request: ServerRequest,
        _ body: [UInt8], _ state: inout State
    ) -> ServerReply {
        guard let upload = state.uploads[id], upload.key == key else { return S3Shelf.refusal(404, "NoSuchUpload") }
        switch method {
        case "PUT":
            guard let number = target["partNumber"].flatMap({ Int($0) }) else { return S3Shelf.refusal(400, "Invalid") }
            state.uploads[id]?.parts[number] = body
            return ServerReply(200, [("ETag", "\"\(S3Shelf.etag(body))\"")])
        case "GET":
            let parts = upload.parts.sorted { $0.key < $1.key }.map { number, bytes in
                "<Part><PartNumber>\(number)</PartNumber><Size>\(bytes.count)</Size>"
                    + "<ETag>&quot;\(S3Shelf.etag(bytes))&quot;</ETag></Part>"
            }
            return S3Shelf.xml(200, "ListPartsResult", "<IsTruncated>false</IsTruncated>" + parts.joined())
        case "DELETE":
            state.uploads[id] = nil
            return ServerReply(204)
        default:
            guard engine != .amazon || holds(request, state.values[key]) else {
                return S3Shelf.refusal(412, "PreconditionFailed")
            }
            let named = String(decoding: body, as: UTF8.self).components(separatedBy: "<PartNumber>").count - 1
            guard named == upload.parts.count else { return S3Shelf.refusal(400, "InvalidPart") }
            let bytes = upload.parts.sorted { $0.key < $1.key }.flatMap(\.value)
            let etag = S3Shelf.etag(bytes) + "-\(upload.parts.count)"
            state.values[key] = Value(bytes: bytes, etag: etag, notes: upload.notes, time: state.now)
            state.uploads[id] = nil
            return S3Shelf.xml(200, "CompleteMultipartUploadResult", "<ETag>\(etag)</ETag>")
        }
    }

    private func list(_ target: RequestTarget, _ state: State) -> ServerReply {
        let prefix = target["prefix"] ?? ""
        var (entries, folders, seen) = ("", "", Set<String>())
        var (count, last, isCut) = (0, "", false)
        for (key, value) in state.values.sorted(by: { $0.key < $1.key })
        where key.hasPrefix(prefix) && key > target["continuation-token"] ?? "" {
            let rest = key.dropFirst(prefix.count)
            let folder = target["delimiter"] == nil ? nil : rest.firstIndex(of: "/").map { prefix + rest[...$0] }
            if let folder, seen.contains(folder) {
                last = key
                continue
            }
            isCut = count == page
            if isCut { break }
            (count, last) = (count + 1, key)
            if let folder {
                seen.insert(folder)
                folders += "<CommonPrefixes><Prefix>\(S3Shelf.encoded(folder))</Prefix></CommonPrefixes>"
            } else {
                entries += "<Contents><Key>\(S3Shelf.encoded(key))</Key><Size>\(value.bytes.count)</Size>"
                entries +=
                    "<ETag>\"\(value.etag)\"</ETag><LastModified>\(Moment.text(value.time))</LastModified></Contents>"
            }
        }
        var text = "<EncodingType>url</EncodingType><IsTruncated>\(isCut)</IsTruncated>"
        if isCut { text += "<NextContinuationToken>\(last)</NextContinuationToken>" }
        return S3Shelf.xml(200, "ListBucketResult", text + entries + folders)
    }

    private func unfinished(_ target: RequestTarget, _ state: State) -> ServerReply {
        let marker = target["upload-id-marker"] ?? ""
        let found = state.uploads.filter { $0.value.key.hasPrefix(target["prefix"] ?? "") && $0.key > marker }
            .sorted { $0.key < $1.key }
        var text = "<IsTruncated>\(found.count > page)</IsTruncated>"
        for (id, upload) in found.prefix(page) {
            text += "<Upload><Key>\(upload.key)</Key><UploadId>\(id)</UploadId>"
            text += "<Initiated>\(Moment.text(upload.time))</Initiated></Upload>"
        }
        if found.count > page, let (id, upload) = found.prefix(page).last {
            text += "<NextKeyMarker>\(upload.key)</NextKeyMarker>"
            text += "<NextUploadIdMarker>\(id)</NextUploadIdMarker>"
        }
        return S3Shelf.xml(200, "ListMultipartUploadsResult", text)
    }

    private static func encoded(_ text: String) -> String {
        FormText.encode(text).replacing("%2F", with: "/")
    }

    private static func notes(_ request: ServerRequest) -> [(name: String, value: String)] {
        request.headers.filter { $0.name.hasPrefix("x-amz-meta-") }
    }

    private static func etag(_ bytes: [UInt8]) -> String { String(SHA256.digest(of: bytes.span).hex.prefix(32)) }

    static func refusal(_ status: Int, _ code: String) -> ServerReply {
        xml(status, "Error", "<Code>\(code)</Code><Message>no</Message>")
    }

    private static func xml(_ status: Int, _ name: String, _ content: String) -> ServerReply {
        let text = "<?xml version=\"1.0\"?>\n<\(name)>\(content)</\(name)>"
        return ServerReply(status, [("Content-Type", "application/xml")], .bytes(Array(text.utf8)))
    }

    private static func date(_ seconds: Int) -> String {
        let text = Moment.text(seconds)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.prefix(10).split(separator: "-").map(String.init)
        return "Sun, \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(text.dropFirst(11).prefix(8)) GMT"
    }
}
