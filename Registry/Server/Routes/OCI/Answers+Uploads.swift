import Model
import Network
import Platform
internal import Storage
import Store
import Synchronization

/// Uploads: begun with POST, continued with PATCH, finished with PUT. Bytes go to the disk as they come.
extension Answers {
    func beginUpload(to repository: RepositoryName, _ asked: Asked) throws(RegistryError) -> ServerIntake {
        if let text = asked.target["mount"] {
            let name = try RegistryRoute.digest(text)
            let source = asked.target["from"].flatMap { RepositoryName($0) }
            if asked.target["from"] != nil, source == nil {
                throw RegistryError(
                    400, .nameInvalid, "the repository to mount from has no name", detail: asked.target["from"])
            }
            return .patient {
                let digest = try? registry.mountable(name)
                // As for a HEAD: the client that mounts it sends no bytes.
                if let digest, (try? registry.isChecked(digest, within: nil)) == false {
                    await checker.check(digest, within: settings.checkPatience)
                }
                return answer {
                    let isThere = try reserving(quotas.bytes(of: digest), in: repository, as: digest.map(BlobName.init))
                    {
                        try registry.mount(name, from: source, to: repository) { place throws(CakeError) in
                            try visibility.gives(name, in: place, to: asked.caller)
                        }
                    }
                    guard isThere else { return try begin(repository) }
                    try registry.claim(name, in: repository)
                    return Answers.created(name, in: repository)
                }
            }
        }
        if let word = asked.target["digest-algorithm"], BlobName.Algorithm(rawValue: word) == nil {
            throw RegistryError(400, .digestInvalid, "a digest here is a sha256 or a sha512", detail: word)
        }
        guard let text = asked.target["digest"] else { return patient { try begin(repository) } }
        let name = try RegistryRoute.digest(text)
        try checkRoom(asked.request)
        if registry.isDistant { return try finishSession(nil, as: name, in: repository, asked) }
        let upload: Upload
        do {
            upload = try registry.beginUpload(to: repository)
        } catch {
            throw RegistryError(error)
        }
        return take(upload, repository, asked, as: name, keeping: false) { _ in
            try finish(upload, as: name, in: repository)
        }
    }

    private func begin(_ repository: RepositoryName) throws -> ServerReply {
        try checkQuotas(repository)
        if registry.isDistant {
            return Answers.accepted(202, try registry.beginSession(to: repository).name, repository, length: 0)
        }
        let upload = try registry.beginUpload(to: repository)
        return Answers.accepted(202, upload.name, repository, length: 0)
    }

    func appendToUpload(_ name: UploadName, to repository: RepositoryName, _ asked: Asked) throws(RegistryError)
        -> ServerIntake
    {
        if registry.isDistant { return try appendToSession(name, of: repository, asked) }
        let upload = try find(name, repository)
        try checkRoom(asked.request)
        return take(upload, repository, asked, keeping: true) { length in
            // The acknowledged bytes survive a power cut.
            try upload.sync()
            upload.giveBack()
            return Answers.accepted(202, upload.name, repository, length: length)
        }
    }

    func finishUpload(_ name: UploadName, to repository: RepositoryName, _ asked: Asked) throws(RegistryError)
        -> ServerIntake
    {
        guard let text = asked.target["digest"] else {
            throw RegistryError(
                400, .digestInvalid, "the last request of an upload needs its digest: ?digest=sha256:…")
        }
        let digest = try RegistryRoute.digest(text)
        if registry.isDistant { return try finishSession(name, as: digest, in: repository, asked) }
        let upload = try find(name, repository)
        try checkRoom(asked.request)
        return take(upload, repository, asked, as: digest, keeping: true) { _ in
            try finish(upload, as: digest, in: repository)
        }
    }

    private func finish(_ upload: Upload, as name: BlobName, in repository: RepositoryName) throws -> ServerReply {
        guard try registry.finish(upload, as: name, in: repository) else { throw Answers.otherDigest(name) }
        try registry.claim(name, in: repository)
        return Answers.created(name, in: repository)
    }

    static func otherDigest(_ name: BlobName) -> RegistryError {
        RegistryError(
            400, .digestInvalid, "the received bytes have another digest; nothing was kept", detail: name.description)
    }

    func uploadStatus(_ name: UploadName, to repository: RepositoryName) throws -> ServerReply {
        if registry.isDistant { return try sessionStatus(name, to: repository) }
        let upload = try find(name, repository)
        return Answers.accepted(204, upload.name, repository, length: try upload.lengthOnDisk())
    }

    func cancelUpload(_ name: UploadName, to repository: RepositoryName) throws -> ServerReply {
        if registry.isDistant { return try cancelSession(name, to: repository) }
        let upload = try find(name, repository)
        guard try upload.take() != nil else { throw Answers.busy }
        try registry.discard(upload)
        return ServerReply(204)
    }

    private func find(_ name: UploadName, _ repository: RepositoryName) throws(RegistryError) -> Upload {
        let found: Upload?
        do {
            found = try registry.upload(name, to: repository)
        } catch {
            throw RegistryError(error)
        }
        if let found { return found }
        throw Answers.noUpload(name)
    }

    static func noUpload(_ name: UploadName) -> RegistryError {
        RegistryError(
            404, .blobUploadUnknown, "there is no such upload: it is finished, or has expired; begin a new one",
            detail: name.text)
    }

    /// Takes the body into the upload, and calls `end` when it is complete. Bytes of a body that was cut stay if the
    /// upload is kept: the client continues after them.
    private func take(
        _ upload: Upload, _ repository: RepositoryName, _ asked: Asked, as name: BlobName? = nil, keeping: Bool,
        _ end: @escaping @Sendable (UInt64) throws -> ServerReply
    ) -> ServerIntake {
        @Sendable func giveUp() {
            upload.giveBack()
            if !keeping { try? registry.discard(upload) }
        }
        let reservation: PushQuotas.Reservation?
        do {
            guard let length = try upload.take() else { throw Answers.busy }
            do {
                try check(asked.request, upload, repository, length)
                reservation = try reserve(upload, of: repository, as: name, length, asked.request)
            } catch {
                giveUp()
                throw error
            }
        } catch let wrong as OutOfOrder {
            return .refusal(wrong.reply)
        } catch {
            return .refusal(ServerReply(failure: error))
        }
        let failure = Mutex<(any Error)?>(nil)
        let intake = Intake(failure: failure, largest: settings.largestBlob, reservation) { [registry] in
            guard try registry.freeBytes() >= Answers.spare else { throw CakeError(.diskFull, "no room") }
        }
        return .patient(receive: { intake.append($0, to: upload) }, abandon: giveUp) {
            answer {
                defer { reservation?.release() }
                do {
                    if let failure = intake.error { throw failure }
                    return try end(upload.length)
                } catch {
                    giveUp()
                    throw error
                }
            }
        }
    }

    /// Remembers failures while the body comes.
    private final class Intake: Sendable {
        private let failure: Mutex<(any Error)?>
        private let largest: UInt64

        private let reservation: PushQuotas.Reservation?
        private let hasRoom: @Sendable () throws -> Void
        private static let step: UInt64 = 64 << 20

        init(
            failure: consuming sending Mutex<(any Error)?>, largest: UInt64, _ reservation: PushQuotas.Reservation?,
            hasRoom: @escaping @Sendable () throws -> Void
        ) {
            self.failure = failure
            self.largest = largest
            self.reservation = reservation
            self.hasRoom = hasRoom
        }

        var error: (any Error)? { failure.withLock { $0 } }

        func append(_ bytes: Span<UInt8>, to upload: Upload) {
            guard error == nil else { return }
            do {
                guard upload.length + UInt64(bytes.count) <= largest else {
                    throw RegistryError(413, .sizeInvalid, "a blob may have at most \(largest) bytes here")
                }
                let before = upload.length
                if let excess = try reservation?.grow(to: before + UInt64(bytes.count)) { throw RegistryError(excess) }
                try upload.append(bytes)
                // It is not known in advance whether a body without a length fits.
                if before / Intake.step != upload.length / Intake.step { try hasRoom() }
            } catch { failure.withLock { $0 = error } }
        }
    }

    private struct OutOfOrder: Error {
        let reply: ServerReply
    }

    /// A chunk with a range must begin where the upload ends, and have the length of its range.
    private func check(
        _ request: ServerRequest, _ upload: Upload, _ repository: RepositoryName, _ length: UInt64
    ) throws {
        guard let start = try Answers.start(of: request), start != length else { return }
        throw OutOfOrder(reply: Answers.outOfOrder(request, upload.name, repository, length: length))
    }

    static func outOfOrder(
        _ request: ServerRequest, _ name: UploadName, _ repository: RepositoryName, length: UInt64
    ) -> ServerReply {
        let error = RegistryError(
            416, .blobUploadInvalid, "the upload continues at byte \(length)", detail: request["content-range"])
        return ServerReply(error, place(name, repository, length: length))
    }

    /// Where a chunk begins, if it says so.
    static func start(of request: ServerRequest) throws(RegistryError) -> UInt64? {
        guard let text = request["content-range"] else { return nil }
        guard let range = ByteRange.chunk(text) else {
            throw RegistryError(
                400, .blobUploadInvalid, "a chunk's Content-Range is its first and last byte, like 0-99", detail: text)
        }
        if let count = request.length, count != range.upperBound - range.lowerBound {
            throw RegistryError(
                400, .sizeInvalid, "the chunk has \(count) bytes, which do not match its Content-Range", detail: text)
        }
        return range.lowerBound
    }

    func checkRoom(_ request: ServerRequest) throws(RegistryError) {
        let length = request.length ?? 0
        guard length <= settings.largestBlob else {
            throw RegistryError(413, .sizeInvalid, "a blob may have at most \(settings.largestBlob) bytes here")
        }
        guard let free = try? registry.freeBytes() else { return }
        guard free >= Answers.spare, free - Answers.spare >= length else {
            throw RegistryError(CakeError(.diskFull, "no room"))
        }
    }

    static var busy: RegistryError {
        RegistryError(409, .blobUploadInvalid, "another request is writing to this upload")
    }

    private static func place(_ name: UploadName, _ repository: RepositoryName, length: UInt64) -> [(
        name: String, value: String
    )] {
        [
            ("Location", "/v2/\(repository)/blobs/uploads/\(name)"), ("Docker-Upload-UUID", name.text),
            // Of nothing, too, it names a last byte: that is how clients have it.
            ("Range", "0-\(length == 0 ? 0 : length - 1)"),
        ]
    }

    static func accepted(
        _ status: Int, _ name: UploadName, _ repository: RepositoryName, length: UInt64
    ) -> ServerReply {
        ServerReply(status, place(name, repository, length: length))
    }

    static func created(_ name: BlobName, in repository: RepositoryName) -> ServerReply {
        ServerReply(
            201, [("Location", "/v2/\(repository)/blobs/\(name)"), ("Docker-Content-Digest", name.description)])
    }
}
