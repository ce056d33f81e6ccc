package import Model
internal import Network
internal import Platform

/// Signatures beside a manifest. A registry of OCI distribution 1.1 lists what refers to it; in an older one clients keep that list
/// themselves, under a tag.
extension RemoteRepository {
    private static let most = 16
    private static let mostPages = 20
    private static let mostBytes = UInt64(SignatureBundle.maximumSize) * 2

    /// The bundles that refer to a manifest. What is no signature, or can no longer be had, is left out.
    package func signatures(of subject: BlobName) async throws -> [[UInt8]] {
        var bundles: [[UInt8]] = []
        var left = RemoteRepository.mostBytes
        for name in try await signatureManifests(of: subject) {
            do {
                let kept = try await manifest(.digest(name))
                let manifest = try RegistryManifest(parsing: kept.bytes.span)
                guard manifest.subject?.name == subject, let bundle = SignatureArtifact.bundle(in: manifest),
                    bundle.size <= left
                else { continue }
                left -= bundle.size
                bundles.append(try await blob(bundle, limit: SignatureBundle.maximumSize))
            } catch let error as CakeError where [.notFound, .damaged].contains(error.kind) { continue }
        }
        return bundles
    }

    /// The manifests of the signatures, as the registry lists them.
    package func signatureManifests(of subject: BlobName) async throws -> [BlobName] {
        var found: [BlobName] = []
        var entries = try await referrers(of: subject)
        if entries == nil { entries = try await taggedReferrers(of: subject) }
        for entry in entries ?? [] {
            guard entry["artifactType"]?.string == SignatureBundle.mediaType,
                let name = entry["digest"]?.string.flatMap({ BlobName($0) }), !found.contains(name)
            else { continue }
            found.append(name)
            if found.count == RemoteRepository.most { break }
        }
        return found
    }

    /// Puts a manifest that refers to another where readers look for it.
    package func put(referrer kept: Kept, to subject: BlobName) async throws {
        if try await put(kept, as: .digest(kept.name)) { return }
        let tag = RemoteRepository.tag(of: subject)
        var entries = try await taggedReferrers(of: subject)
        let name = kept.name.description
        guard !entries.contains(where: { $0["digest"]?.string == name }) else { return }
        let manifest = try RegistryManifest(parsing: kept.bytes.span)
        entries.append(try manifest.referrer(kept.name, mediaType: kept.mediaType, in: kept.bytes.span))
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": JSONValue(RegistryManifest.index), "manifests": .array(entries),
        ]
        let bytes = index.bytes(.compact)
        let list = Kept(
            bytes: bytes, name: BlobName(SHA256.digest(of: bytes.span)), mediaType: RegistryManifest.index)
        _ = try await put(list, as: .tag(tag))
    }

    private static func tag(of subject: BlobName) -> TagName {
        // A digest's text is one, but for its colon.
        guard let tag = TagName("\(subject.algorithm)-\(subject.hex)".prefix(128).description) else {
            preconditionFailure("a digest is no tag")
        }
        return tag
    }

    /// Nil for a registry that keeps no such list.
    private func referrers(of subject: BlobName) async throws -> [JSONValue]? {
        if let own = try await inBucket { return try await own.referrers(of: subject) }
        var found: [JSONValue] = []
        var next: WebURL? = client.routes.referrers(of: subject, SignatureBundle.mediaType, in: name)
        var pages = 0
        while let url = next, pages < RemoteRepository.mostPages {
            pages += 1
            let (head, body) = try await client.document(
                at: url, for: purpose("the signatures of \(subject.short)"), limit: JSONValue.usualLimit,
                accepting: [200, 400, 404, 405])
            guard head.status == 200 else { return nil }
            found += try JSONValue(parsing: body.span, repeatedKeys: .kept)["manifests"]?.array ?? []
            next = try NextPage.url(inLink: head["link"], of: url)
        }
        return found
    }

    private func taggedReferrers(of subject: BlobName) async throws -> [JSONValue] {
        do {
            let kept = try await manifest(.tag(RemoteRepository.tag(of: subject)))
            return try JSONValue(parsing: kept.bytes.span, repeatedKeys: .kept)["manifests"]?.array ?? []
        } catch let error as CakeError where error.kind == .notFound {
            return []
        }
    }
}
