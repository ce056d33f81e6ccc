internal import Mirror
import Model
import Platform
internal import Storage
import Store
import Transfer

/// A repository at a revision as clients see it: from the store, or as another Hub lists it.
struct HubView: Sendable {
    enum Source: Sendable {
        case stored(HubModels.Model, Manifest)
        case listed(HubListing)
    }

    struct File: Sendable {
        enum Source: Sendable {
            case stored(Manifest.File)
            case listed(SnapshotFile)
        }

        let path: FilePath
        let size: UInt64
        let source: Source

        init(_ file: Manifest.File) { (path, size, source) = (file.path, file.size, .stored(file)) }

        init(_ file: SnapshotFile) { (path, size, source) = (file.path, file.size, .listed(file)) }

        /// Differs where the bytes do.
        var mark: String {
            switch source {
            case .stored(let file): file.digest.hex
            case .listed(let file): file.content?.etag ?? ""
            }
        }
    }

    let source: Source
    /// Why another Hub has no say in it, though it should.
    private let absence: HubRefusal?

    init(_ model: HubModels.Model, _ manifest: Manifest, inAbsence absence: HubRefusal? = nil) {
        source = .stored(model, manifest)
        self.absence = absence
    }

    init(_ listing: HubListing) {
        source = .listed(listing)
        absence = nil
    }

    var repository: HubRepository {
        switch source {
        case .stored(let model, _): model.place.repository
        case .listed(let listing): listing.repository
        }
    }

    var commit: String {
        switch source {
        case .stored(let model, _): model.place.commit
        case .listed(let listing): listing.commit
        }
    }

    /// Whether these are all files of the commit. Of one that was pulled, only some may be here.
    var isWhole: Bool {
        switch source {
        case .stored(let model, _): model.place.isOwnCommit
        case .listed: true
        }
    }

    /// Not every caller may have it.
    var isClosed: Bool { if case .listed(let listing) = source { listing.isClosed } else { false } }

    var title: String {
        switch source {
        case .stored(let model, _):
            switch true {
            case model.isPushed: "As it was pushed"
            case model.place.isOwnCommit: "As it is in the store"
            default: "As it was pulled"
            }
        case .listed: "As it is upstream"
        }
    }

    /// ISO 8601.
    var time: String {
        switch source {
        case .stored(let model, _): Moment.text(model.record.time ?? 0)
        case .listed(let listing): listing.info.modified ?? Moment.text(0)
        }
    }

    /// Sorted by path.
    var files: [File] {
        switch source {
        case .stored(_, let manifest): manifest.files.map { File($0) }
        case .listed(let listing): listing.snapshot.files.map { File($0) }
        }
    }

    func file(at path: String) -> File? {
        guard let path = try? FilePath(path) else { return nil }
        switch source {
        case .listed(let listing): return listing.snapshot.file(at: path).map { File($0) }
        case .stored(_, let manifest):
            let files = manifest.files
            var (low, high) = (0, files.count)
            while low < high {
                let middle = (low + high) / 2
                if files[middle].path < path { low = middle + 1 } else { high = middle }
            }
            return low < files.count && files[low].path == path ? File(files[low]) : nil
        }
    }

    /// Clients remember which files a commit does not have.
    var noFile: HubRefusal {
        if let absence { return absence }
        var refusal = HubRefusal.noFile
        if isWhole { refusal.commit = commit }
        return refusal
    }
}

extension HubModels.Found {
    /// The model, or the Hub's refusal if there is none.
    var model: HubModels.Model {
        get throws(HubRefusal) {
            switch self {
            case .model(let model): return model
            case .noRevision: throw .noRevision
            case .noRepository: throw .noRepository
            }
        }
    }
}

extension HubAnswers {
    /// A model that was made here stays as it is. For a model from a Hub, that Hub is asked if there is one, and the
    /// store replaces it while it does not answer.
    func view(of repository: HubRepository, _ revision: String?, _ asked: Asked) async throws -> HubView {
        guard let mirror, mirror.settings.names.allow(repository) else {
            return try stored(repository, revision, asked)
        }
        let made = try models.made(repository, revision) { mirror.settings.upstream.gave($0) }?.model
        if let made { return try stored(made, asked) }
        do {
            return HubView(try await mirror.listing(of: repository, revision ?? Revision.main, for: asked.asker))
        } catch let refusal as HubRefusal
            where refusal.isPassing
            || !mirror.settings.upstream.keepsCommits && revision.map(Revision.isCommit) ?? false
        {
            guard let view = try? stored(repository, revision, asked, inAbsence: refusal) else { throw refusal }
            return view
        }
    }

    private func stored(
        _ repository: HubRepository, _ revision: String?, _ asked: Asked, inAbsence absence: HubRefusal? = nil
    ) throws -> HubView {
        try stored(models.find(repository, revision).model, asked, inAbsence: absence)
    }

    private func stored(
        _ model: HubModels.Model, _ asked: Asked, inAbsence absence: HubRefusal? = nil
    ) throws -> HubView {
        guard visibility.shows(model, to: asked.caller) else { throw HubRefusal.noRepository }
        return HubView(model, try models.manifest(of: model), inAbsence: absence)
    }

    func content(of file: HubView.File, in view: HubView) throws -> HubContent {
        switch (file.source, view.source) {
        case (.stored(let file), .stored(let model, _)): return try models.file(file, of: model).content
        case (.listed(let file), _):
            guard let content = file.content else { throw HubRefusal.gated }
            return content
        default: throw HubRefusal.failed
        }
    }
}
