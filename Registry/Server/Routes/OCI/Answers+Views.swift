import Model
import Network
internal import Storage
import Store

/// The store's models in the shapes of other tools: manifests and blobs that are made while they are sent.
extension Answers {
    /// Nil where there is no view, or none that the caller may have.
    func view(_ name: ManifestName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply? {
        switch name {
        case .none: return nil
        case .digest(let digest):
            guard let view = registry.view(digest, in: repository),
                visibility.gives(view, in: repository, to: asked.caller)
            else { return nil }
            return reply(view.stored, for: name)
        case .tag(let tag):
            switch registry.view(tag, in: repository) {
            case nil: return nil
            case .view(let view):
                guard visibility.gives(view, in: repository, to: asked.caller) else { return nil }
                return reply(view.stored, for: name)
            case .coming:
                throw RegistryError(
                    404, .manifestUnknown,
                    "the server is hashing this model, and will then show it in this shape: try again in a while",
                    detail: name.text)
            case .impossible(let error):
                throw RegistryError(404, .manifestUnknown, error.what, detail: name.text)
            }
        }
    }

    /// Nil where no view that the caller may have names it.
    func viewedBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply? {
        let views = registry.views(naming: name, in: repository)
        guard let view = views.first(where: { visibility.gives($0, in: repository, to: asked.caller) }),
            let plan = view.plan(of: name)
        else { return nil }
        let isHead = asked.request.method == "HEAD"
        // A pusher would leave the blob out, and its manifest would name a blob that no repository has.
        if isHead, settings.allowsPush, visibility.takesPushes(to: repository, from: asked.caller) { return nil }
        let headers = Answers.headers(of: name)
        func body(_ range: Range<UInt64>) throws -> ServerReply.Body {
            guard !range.isEmpty else { return .bytes([]) }
            do throws(CakeError) {
                return .stream(ServerStream(try hub.models.bytes(range, of: plan, inManifest: view.model)))
            } catch let error where error.kind == .notFound { throw Answers.noBlob(name) }
        }
        switch isHead ? .whole : ByteRange(header: asked.request["range"], size: plan.size) {
        case .whole where isHead: return ServerReply(200, headers, .stream(ServerStream(announcing: 0..<plan.size)))
        case .whole: return ServerReply(200, headers, try body(0..<plan.size))
        case .part(let range):
            let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(plan.size)"
            return ServerReply(206, headers + [("Content-Range", place)], try body(range))
        case .beyond: return Answers.beyond(plan.size)
        }
    }
}
