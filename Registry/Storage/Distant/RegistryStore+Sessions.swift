public import Model
internal import Platform
internal import Store
internal import Synchronization

/// Uploads to a registry in another storage. Each request's body is one value, a part; a list says which parts an upload has, and
/// a request that replaces the list as it was seen has added a part. Any server continues an upload.
extension RegistryStore {
    public struct Session: Sendable {
        public let name: UploadName
        public let repository: RepositoryName
        fileprivate var parts: [(name: UploadName, length: UInt64)] = []
        fileprivate var version: RegistryValues.Version?

        public var length: UInt64 { parts.reduce(0) { $0 + $1.length } }

        private static let mark = "cake registry upload 1"

        fileprivate init(_ name: UploadName, _ repository: RepositoryName) {
            (self.name, self.repository) = (name, repository)
        }

        fileprivate init?(_ name: UploadName, _ text: [UInt8]) {
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
            guard lines.count >= 2, lines[0] == Substring(Session.mark),
                let repository = RepositoryName(String(lines[1]))
            else { return nil }
            self.init(name, repository)
            var total = ByteTotal(limit: ByteCount.maximum)
            for line in lines.dropFirst(2) {
                let words = line.split(separator: " ")
                guard words.count == 2, let part = UploadName(String(words[0])),
                    let length = ByteRange.number(words[1].utf8), (try? total.add(length, of: "an upload")) != nil
                else { return nil }
                parts.append((part, length))
            }
        }

        fileprivate var text: [UInt8] {
            let lines = [Session.mark, repository.text] + parts.map { "\($0.name) \($0.length)" }
            return Array((lines.joined(separator: "\n") + "\n").utf8)
        }
    }

    /// What became of bytes that were to be appended.
    public enum Appended: Sendable {
        case done(Session)
        /// Another request was faster.
        case outOfOrder(Session)
        case noUpload
    }

    private func list(_ name: UploadName) -> String { keys.upload(name) + "/list" }
    private func part(_ part: UploadName, of name: UploadName) -> String { keys.upload(name) + "/parts/" + part.text }

    public func beginSession(to repository: RepositoryName) throws(CakeError) -> Session {
        let session = Session(.random(), repository)
        try storage.put(StorageBody(session.text), at: list(session.name))
        return session
    }

    /// Nil if there is none with that name in the repository.
    public func session(_ name: UploadName, to repository: RepositoryName) throws(CakeError) -> Session? {
        guard let version = try storage.lookAgain(at: list(name))?.version,
            let text = try storage.bytes(at: list(name), limit: RegistryStore.longestList, isAgain: true),
            var session = Session(name, text), session.repository == repository
        else { return nil }
        session.version = version
        return session
    }

    private static let longestList = 64 << 20

    /// Appends bytes to an upload as it was seen.
    public func append(_ spool: Spool, to session: Session) throws(CakeError) -> Appended {
        guard spool.length > 0, let version = session.version else { return .done(session) }
        var new = session
        let name = UploadName.random()
        new.parts.append((name, spool.length))
        let key = part(name, of: session.name)
        try storage.put(spool.body, at: key)
        if try storage.put(StorageBody(new.text), at: list(session.name), if: .unchanged(version)) { return .done(new) }
        try storage.remove(key)
        return try self.session(session.name, to: session.repository).map { .outOfOrder($0) } ?? .noUpload
    }

    /// Makes a blob of the upload's parts and the last bytes. False when they do not have the name.
    public func finish(
        _ session: Session?, _ spool: Spool, as name: BlobName, in repository: RepositoryName
    ) throws(CakeError) -> Bool {
        var spool = spool
        if let session, !session.parts.isEmpty { spool = try gather(session, spool) }
        let digest = try spool.check(name)
        if let digest { try publish(spool.file, digest, as: name, in: repository) }
        // Leftovers are removed like abandoned uploads.
        if let session { try? discard(session) }
        return digest != nil
    }

    /// The parts and the last bytes in one file, in order.
    private func gather(_ session: Session, _ last: Spool) throws(CakeError) -> Spool {
        let whole = try Spool(in: workFolder)
        for one in session.parts {
            let key = part(one.name, of: session.name)
            guard try storage.distant?.copy(key, to: whole) == one.length else {
                throw CakeError(.notFound, "a part of the upload is not in the storage", fix: "upload it again")
            }
        }
        try PlainBytes(file: last.file, start: 0, count: last.length)
            .forEachChunk(through: Chunk(capacity: 1 << 20)) { _, bytes in whole.append(bytes) }
        return whole
    }

    /// The list goes first: without it the parts lead nowhere.
    public func discard(_ session: Session) throws(CakeError) {
        try storage.remove(list(session.name))
        for one in session.parts { try storage.remove(part(one.name, of: session.name)) }
    }

    /// Removes uploads to which nothing was added for this long, by the storage's clock.
    func expireSessions(_ life: Duration) throws(CakeError) {
        guard let values = storage.distant else { return }
        // Not every engine lists these, or lets everyone list them.
        _ = try? values.dropUnfinished(olderThan: Int(life.components.seconds))
        try values.attempt { () throws(CakeError) in
            let oldest = try await values.clockNow() - Int(life.components.seconds)
            try await DistantCollection(in: values, .init(grace: life)).removeUploads(since: oldest)
        }
    }
}
