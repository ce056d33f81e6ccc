public import Model
internal import Platform
internal import Store

/// The store's models in the shapes of other tools. A view is made anew from the store for each process, and nothing of it is
/// written but digests.
extension RegistryStore {
    /// A model in a shape, as a repository shows it.
    public struct View: Sendable {
        public let model: Digest
        public let stored: StoredManifest
        private let blobs: [BlobName: ShapedModel.Blob]

        init(_ shaped: ShapedModel, of model: Digest) {
            self.model = model
            let name = BlobName(SHA256.digest(of: shaped.manifest.span))
            stored = StoredManifest(name: name, mediaType: RegistryManifest.image, bytes: shaped.manifest, of: model)
            blobs = Dictionary(shaped.blobs.map { ($0.descriptor.name, $0) }) { first, _ in first }
        }

        /// Nil for a blob that it does not name.
        public func plan(of blob: BlobName) -> BlobPlan? { blobs[blob]?.plan }
    }

    /// What a tag without a push, and of no model, may mean.
    public enum FoundView: Sendable {
        case view(View)
        /// Digests of the model's layers are not known yet.
        case coming
        /// The model cannot have the shape.
        case impossible(CakeError)
    }

    public func view(_ tag: TagName, in repository: RepositoryName) -> FoundView? {
        for (own, shape) in views.settings.meanings(of: tag) {
            guard let served = served(own, in: repository) else { continue }
            do throws(CakeError) {
                guard let view = try view(of: served, as: shape) else { return .coming }
                views.note(view, in: repository)
                return .view(view)
            } catch { return .impossible(error) }
        }
        return nil
    }

    /// By the manifest's digest: a view of a model that is here, or one that a client got before.
    public func view(_ manifest: BlobName, in repository: RepositoryName) -> View? {
        guard !views.settings.isEmpty else { return nil }
        let found = allViews(in: repository).first { $0.stored.name == manifest }
        if let found { views.note(found, in: repository) }
        return found ?? views.given(manifest, in: repository)
    }

    /// The views that name a blob.
    public func views(naming blob: BlobName, in repository: RepositoryName) -> [View] {
        guard !views.settings.isEmpty else { return [] }
        return views(in: repository).filter { $0.plan(of: blob) != nil }
    }

    /// Those that the repository shows, and those that clients got before.
    func views(in repository: RepositoryName) -> [View] {
        views.settings.isEmpty ? [] : allViews(in: repository) + views.given(in: repository)
    }

    /// Whether a name of the repository leads to the model, or did before, and may be shown.
    public func isViewed(_ model: Digest, in repository: RepositoryName) -> Bool {
        let shown = shownModels.value
        return shown.isOpen(model, in: repository)
            || shown.served.contains { served in
                served.place.repository == repository && served.named.record.replaced.contains { $0.manifest == model }
            }
    }

    /// Tags of views that can be pulled now.
    func viewTags(in repository: RepositoryName) -> [TagName] {
        guard !views.settings.isEmpty else { return [] }
        return shown.filter { $0.place.repository == repository }.flatMap { served in
            views.settings.all.compactMap { one in
                (try? view(of: served, as: one.shape)) == nil
                    ? nil : views.settings.tag(served.place.tag, as: one)
            }
        }
    }

    private func allViews(in repository: RepositoryName) -> [View] {
        shown.filter { $0.place.repository == repository }.flatMap { served in
            views.settings.all.compactMap { try? view(of: served, as: $0.shape) }
        }
    }

    /// Nil while digests are not known.
    func view(of served: Served, as shape: WrittenShape) throws(CakeError) -> View? {
        let key = KnownViews.Key(served.named, shape)
        if let known = views.made[key] { return known }
        guard let shaped = try store.shapedAtOnce(served.named, as: shape) else { return nil }
        let view = View(shaped, of: served.named.record.manifest)
        views.made[key] = view
        return view
    }
}

/// Views that were made or sent lately.
final class KnownViews: Sendable {
    /// All that decides a view's bytes.
    struct Key: Hashable {
        private let shape: WrittenShape
        private let model: Digest
        private let name: String
        private let source: String?
        private let commit: String?

        init(_ named: LocalStore.Named, _ shape: WrittenShape) {
            self.shape = shape
            model = named.record.manifest
            name = named.name.string
            (source, commit) = (named.record.source, named.record.commit)
        }
    }

    let settings: ShapeViews
    let made = BoundedCache<Key, RegistryStore.View>(room: 256)
    /// A client that got a manifest comes back for its blobs, also after the tag has moved.
    private let sent = BoundedCache<RepositoryName, [RegistryStore.View]>(room: 256)
    private static let mostSent = 8

    init(_ settings: ShapeViews) { self.settings = settings }

    func note(_ view: RegistryStore.View, in repository: RepositoryName) {
        let known = given(in: repository)
        guard known.first?.stored.name != view.stored.name else { return }
        let others = known.filter { $0.stored.name != view.stored.name }
        sent[repository] = [view] + others.prefix(KnownViews.mostSent - 1)
    }

    func given(in repository: RepositoryName) -> [RegistryStore.View] { sent[repository] ?? [] }

    func given(_ manifest: BlobName, in repository: RepositoryName) -> RegistryStore.View? {
        given(in: repository).first { $0.stored.name == manifest }
    }
}
