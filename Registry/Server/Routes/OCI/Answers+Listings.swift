import Model
import Network
import Platform
internal import Storage
import Store

/// Lists, one page at a time.
extension Answers {
    /// The default and largest length of a page.
    private static let page = 10_000
    /// Of referrers, each of which has to be read.
    private static let pageOfReferrers = 100

    func tags(of repository: RepositoryName, _ target: RequestTarget) throws -> ServerReply {
        guard try registry.exists(repository) else {
            throw RegistryError(404, .nameUnknown, "there is no such repository", detail: repository.text)
        }
        let count = try count(target)
        let last = target["last"] ?? ""
        let behind = try registry.tags(in: repository).drop { !last.precedesInBytes($0.text) }
        let tags = behind.prefix(count)
        let document: JSONValue = ["name": .string(repository.text), "tags": .array(tags.map { .string($0.text) })]
        return ServerReply(document, next(behind.count > count, "/v2/\(repository)/tags/list", target, tags.last?.text))
    }

    func catalog(_ asked: Asked) throws -> ServerReply {
        let target = asked.target
        let count = try count(target)
        let (names, isMore) = try registry.repositories(
            after: target["last"] ?? "", count: count, where: { visibility.shows($0, to: asked.caller) })
        let document: JSONValue = ["repositories": .array(names.map { .string($0.text) })]
        return ServerReply(document, next(isMore, "/v2/_catalog", target, names.last?.text))
    }

    func referrers(of subject: BlobName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply {
        let target = asked.target
        let last = target["last"].flatMap { BlobName($0) }
        let wanted = target["artifactType"].flatMap { $0.isEmpty ? nil : $0 }
        let all = try registry.referrers(of: subject, in: repository, after: last)
        var listed: [JSONValue] = []
        var size = 0
        var rest = all[...]
        // A page is an index, and stays as small as a manifest has to.
        while let name = rest.first, listed.count < Answers.pageOfReferrers, size < RegistryManifest.maximumSize / 2 {
            rest.removeFirst()
            guard let stored = try registry.manifest(.digest(name), in: repository) else { continue }
            let manifest = try RegistryManifest(parsing: stored.bytes.span)
            guard wanted == nil || manifest.artifactKind == wanted else { continue }
            let descriptor = try manifest.referrer(name, mediaType: stored.mediaType, in: stored.bytes.span)
            size += descriptor.bytes(.compact).count
            if size < RegistryManifest.maximumSize { listed.append(descriptor) }
        }
        if rest.isEmpty, wanted == nil || wanted == SignatureBundle.mediaType {
            let pushed = Set(all)
            for shown in try shownSignatures(of: subject, in: repository, asked)
            where !pushed.contains(shown.stored.name) {
                let manifest = try RegistryManifest(parsing: shown.stored.bytes.span)
                listed.append(
                    try manifest.referrer(
                        shown.stored.name, mediaType: shown.stored.mediaType, in: shown.stored.bytes.span))
            }
        }
        var headers: [(name: String, value: String)] = []
        if wanted != nil { headers.append(("OCI-Filters-Applied", "artifactType")) }
        if !rest.isEmpty {
            var query: [(name: String, value: String)] = [("last", all[rest.startIndex - 1].description)]
            if let wanted { query.append(("artifactType", wanted)) }
            headers.append(("Link", NextPage.link(to: "/v2/\(repository)/referrers/\(subject)", query)))
        }
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(RegistryManifest.index), "manifests": .array(listed),
        ]
        return ServerReply(index, type: RegistryManifest.index, headers)
    }

    private func count(_ target: RequestTarget) throws(RegistryError) -> Int {
        guard let text = target["n"] else { return Answers.page }
        guard let number = ByteRange.number(text.utf8) else {
            throw RegistryError(400, .unsupported, "n is how many to list, a whole number", detail: text)
        }
        return Int(min(number, UInt64(Answers.page)))
    }

    /// A page of length 0 has no next page.
    private func next(
        _ isMore: Bool, _ path: String, _ target: RequestTarget, _ last: String?
    ) -> [(name: String, value: String)] {
        guard isMore, let last else { return [] }
        let query = [(name: "n", value: target["n"] ?? "\(Answers.page)"), ("last", last)]
        return [("Link", NextPage.link(to: path, query))]
    }
}
