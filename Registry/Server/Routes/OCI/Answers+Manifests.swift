import Model
import Network
import Platform
internal import Storage
import Store

extension Answers {
    func manifest(_ name: ManifestName, in repository: RepositoryName, _ asked: Asked) async throws -> ServerReply {
        var found = try registry.manifest(name, in: repository)
        if found == nil, case .tag(let tag) = name { found = try await registry.model(tag, in: repository) }
        if found == nil, let view = try view(name, in: repository, asked) { return view }
        if found == nil, let signature = try signature(name, in: repository, asked) { return signature }
        guard let stored = found, try visibility.gives(stored, in: repository, to: asked.caller) else {
            if found == nil, case .tag(let tag) = name, let clash = registry.clash(tag, in: repository) {
                throw RegistryError(404, .manifestUnknown, clash.text, detail: name.text)
            }
            throw Answers.noManifest(name)
        }
        return reply(stored, for: name)
    }

    func reply(_ stored: RegistryStore.StoredManifest, for name: ManifestName) -> ServerReply {
        var headers = [
            (name: "Content-Type", value: stored.mediaType), ("Docker-Content-Digest", stored.name.description),
            ("ETag", "\"\(stored.name)\""),
        ]
        // llama.cpp gets another manifest for a tag.
        if case .tag = name { headers.append(HubAnswers.varies) }
        return ServerReply(200, headers, .bytes(stored.bytes))
    }

    func putManifest(
        _ name: ManifestName, in repository: RepositoryName, _ asked: Asked
    ) throws(RegistryError) -> ServerIntake {
        if case .none(let text) = name {
            throw RegistryError(
                400, .manifestInvalid, "a tag has at most 128 letters, digits and \"._-\", and begins with no . or -",
                detail: text)
        }
        if let length = asked.request.length, length > UInt64(RegistryManifest.maximumSize) { throw Answers.tooLarge }
        return .holding(atMost: RegistryManifest.maximumSize) { body in
            answer {
                guard let bytes = body else { throw Answers.tooLarge }
                return try put(bytes, as: name, in: repository, asked)
            }
        }
    }

    private func put(
        _ bytes: [UInt8], as name: ManifestName, in repository: RepositoryName, _ asked: Asked
    ) throws -> ServerReply {
        let manifest: RegistryManifest
        do {
            manifest = try RegistryManifest(parsing: bytes.span)
        } catch {
            throw RegistryError(400, .manifestInvalid, "this is not a manifest: \(error.what)")
        }
        let mediaType = try mediaType(of: manifest, asked.request)
        let digest: BlobName
        var tags: [TagName] = []
        switch name {
        case .digest(let given):
            guard given.fits(bytes.span) else {
                throw RegistryError(400, .digestInvalid, "the manifest has another digest", detail: given.description)
            }
            digest = given
            tags = try asked.target.all("tag").map { text in
                if let tag = TagName(text) { return tag }
                throw RegistryError(400, .manifestInvalid, "this cannot be a tag", detail: text)
            }
        case .tag(let tag):
            digest = BlobName(SHA256.digest(of: bytes.span))
            tags = [tag]
        case .none: throw Answers.noManifest(name)
        }
        do throws(CakeError) {
            try registry.checkModel(manifest, in: repository)
        } catch {
            guard error.kind == .damaged else { throw error }
            throw RegistryError(400, .manifestInvalid, "the model cannot be rebuilt: \(error.what)")
        }
        if !tags.isEmpty { try refuseUnsigned(manifest, digest, in: repository) }
        let stored = RegistryStore.StoredManifest(name: digest, mediaType: mediaType, bytes: bytes)
        let lack = try reserving(quotas.bytes(of: stored, in: repository), in: repository) {
            try registry.put(manifest, stored, tags: tags, in: repository) { name throws(CakeError) in
                try visibility.gives(name, in: repository, to: asked.caller)
            }
        }
        if let lack { throw Answers.refusal(lack) }
        var headers = [
            (name: "Location", value: "/v2/\(repository)/manifests/\(digest)"),
            ("Docker-Content-Digest", digest.description),
        ]
        if let subject = manifest.subject { headers.append(("OCI-Subject", subject.name.description)) }
        if case .digest = name { headers += tags.map { ("OCI-Tag", $0.text) } }
        return ServerReply(201, headers)
    }

    /// The manifest's own type and the request's must be the same.
    private func mediaType(of manifest: RegistryManifest, _ request: ServerRequest) throws(RegistryError) -> String {
        let sent = request["content-type"].map { $0.prefix { $0 != ";" && $0 != " " } }.map(String.init) ?? ""
        let said = manifest.mediaType ?? sent
        guard sent.isEmpty || sent == said else {
            throw RegistryError(
                400, .manifestInvalid, "the manifest has another type than its request", detail: said)
        }
        guard !said.isEmpty, said.utf8.count <= 255, said.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw RegistryError(400, .manifestInvalid, "the type of the manifest is missing", detail: nil)
        }
        return said
    }

    private static func refusal(_ lack: RegistryStore.Lack) -> RegistryError {
        switch lack {
        case .missing(let descriptor):
            RegistryError(
                404, .manifestBlobUnknown, "the manifest names a blob that the repository does not have: push it first",
                detail: descriptor.name.description)
        case .size(let descriptor, let size):
            RegistryError(
                400, .manifestInvalid, "the manifest says that a blob has \(descriptor.size) bytes, but it has \(size)",
                detail: descriptor.name.description)
        }
    }

    private static var tooLarge: RegistryError {
        RegistryError(413, .manifestInvalid, "a manifest may have at most \(RegistryManifest.maximumSize) bytes")
    }

    func removeManifest(_ name: ManifestName, from repository: RepositoryName) throws -> ServerReply {
        guard try registry.remove(name, from: repository) else { throw Answers.noManifest(name) }
        return ServerReply(202)
    }

    private static func noManifest(_ name: ManifestName) -> RegistryError {
        RegistryError(404, .manifestUnknown, "the repository does not have this manifest", detail: name.text)
    }
}
