public import Model
public import Platform
public import Store
internal import Synchronization

/// What a server brings from another Hub for its clients: lists of files, and the files themselves, each once for all who
/// ask. What is kept of it is in the store; what a Hub listed is known as long as the process lives.
public final class Mirror: Sendable {
    public struct Settings: Sendable {
        public var upstream: HubRoutes
        public var http: HTTPSettings
        /// The server's own; for those alone who have a token of the server's.
        public var token: HubToken?
        /// For so long a branch or tag means what it meant when it was last asked for.
        public var revalidation = Duration.seconds(60)
        /// Nothing is asked of anybody.
        public var isOffline = false
        public var names = NameRules()
        /// What all models of the store may take at rest before some that were brought go again.
        public var quota: UInt64?
        /// So long a client waits for what the upstream has to say.
        public var patience = Duration.seconds(8)

        public init(upstream: HubRoutes, _ http: HTTPSettings) {
            self.upstream = upstream
            self.http = http
        }
    }

    /// Who asks: the token that it came with, and whether the server knows it by one of its own.
    public struct Asker: Sendable {
        let token: HubToken?
        let isTrusted: Bool

        public init(token: HubToken?, isTrusted: Bool = false) {
            self.token = token
            self.isTrusted = isTrusted
        }
    }

    /// A question that many may have at once.
    private struct Question: Hashable {
        let repository: HubRepository
        let revision: String
        /// Whose answer it is, where that is not everybody's.
        let token: Digest?
    }

    private struct Kept {
        var listing: HubListing
        var checked: ContinuousClock.Instant
    }

    private struct State {
        var kept: [Question: Kept] = [:]
        var files = 0
        var refused: [Question: (what: HubRefusal, until: ContinuousClock.Instant)] = [:]
    }

    public let settings: Settings
    public let counts = Counts()
    let models: HubModels
    var store: LocalStore { models.store }
    let transfers = Transfers()
    let uses = Uses()
    private let client: HTTPClient
    private let admission = Admission()
    private let asking: SharedWork<Question, HubListing>
    private let state = Mutex(State())

    /// Files of all listings that are kept.
    private static let mostFiles = 1_000_000
    private static let mostRefused = 10_000
    /// An upstream that did not answer is left alone for so long, where there is something to give instead.
    private static let rest = Duration.seconds(5)

    /// `models` is what the store has.
    public init(_ models: HubModels, _ settings: Settings) throws(CakeError) {
        self.models = models
        self.settings = settings
        client = try HTTPClient(settings.http)
        asking = SharedWork(on: models.store.pool)
    }

    private func source(_ token: HubToken?) -> HubSource {
        HubSource(settings.upstream, token: token, client: client, isForOthers: true)
    }

    /// As whom the upstream is asked. What is open is not asked for with anybody's token: it may be an old one.
    func source(for asker: Asker, _ listing: HubListing) -> HubSource {
        source(listing.isClosed ? asker.token ?? settings.token : settings.token)
    }

    static let late = HubRefusal.upstream(504, "The upstream Hub takes long to answer", retryAfter: 5)
    private static let offline = HubRefusal.upstream(
        503, "This server is offline, and does not have it", retryAfter: 600)

    /// A repository at a revision, as the upstream has it, or had it when it was last heard. Refused to whom the upstream
    /// would refuse it.
    public func listing(
        of repository: HubRepository, _ revision: String, for asker: Asker
    ) async throws -> HubListing {
        let owned = asker.token.map { Admission.digest(of: $0) }
        let listing: HubListing
        do {
            listing = try await self.listing(
                Question(repository: repository, revision: revision, token: nil), as: settings.token)
        } catch let refusal as HubRefusal where [401, 403, 404].contains(refusal.status) {
            // Of what is hidden only its readers learn that it is there.
            guard let token = asker.token else { throw refusal }
            listing = try await self.listing(
                Question(repository: repository, revision: revision, token: owned), as: token)
        }
        try await admit(asker, to: listing)
        guard listing.isClosed, listing.isMasked, let token = asker.token else { return listing }
        return try await self.listing(Question(repository: repository, revision: revision, token: owned), as: token)
    }

    private func listing(_ question: Question, as token: HubToken?) async throws -> HubListing {
        let kept = kept(question)
        if let kept, Revision.isCommit(question.revision) || ContinuousClock.now - kept.checked < settings.revalidation
        {
            return kept.listing
        }
        guard !settings.isOffline else {
            guard let kept else { throw Mirror.offline }
            return kept.listing
        }
        if let refusal = state.withLock({ $0.refused[question] }), refusal.until > .now { throw refusal.what }
        do {
            return try await asking.value(for: question, within: settings.patience, orElse: Mirror.late) {
                try await self.ask(question, as: token, knowing: kept?.listing)
            }
        } catch let refusal as HubRefusal {
            guard refusal.isPassing else {
                refuse(question, refusal)
                throw refusal
            }
            guard let kept else { throw refusal }
            let checked = ContinuousClock.now - settings.revalidation + Mirror.rest
            state.withLock { $0.kept[question]?.checked = checked }
            return kept.listing
        }
    }

    /// What it has not got now it may have soon, but need not be asked about by each of many.
    private func refuse(_ question: Question, _ refusal: HubRefusal) {
        state.withLock { state in
            if let old = state.kept.removeValue(forKey: question) { state.files -= old.listing.snapshot.files.count }
            if state.refused.count >= Mirror.mostRefused { state.refused = [:] }
            state.refused[question] = (refusal, .now + Mirror.rest)
        }
    }

    /// A commit is listed alike under whatever revision led to it.
    private func kept(_ question: Question) -> Kept? {
        state.withLock { state in
            if let kept = state.kept[question] { return kept }
            guard Revision.isCommit(question.revision) else { return nil }
            return state.kept.first { key, kept in
                key.repository == question.repository && key.token == question.token
                    && kept.listing.commit == question.revision
            }?.value
        }
    }

    private func ask(_ question: Question, as token: HubToken?, knowing known: HubListing?) async throws -> HubListing {
        counts.asked.add(1)
        let source = source(token)
        let bytes = try await source.words(of: question.repository, at: question.revision).body
        let info = try HubInfo(parsing: bytes.span)
        let reference = HubReference(question.repository, revision: question.revision)
        let snapshot: Snapshot
        if let known, known.commit == info.commit {
            snapshot = known.snapshot
        } else {
            snapshot = try await source.snapshot(of: reference, info)
        }
        var words = (try? JSONValue(parsing: bytes.span, limit: HubInfo.maximumSize))?.object ?? JSONObject()
        // The files are in the snapshot, and may be many.
        words.members.removeAll { $0.key == "siblings" }
        let listing = HubListing(
            revision: question.revision, info: info, words: words, snapshot: snapshot,
            isHidden: question.token != nil)
        keep(listing, as: question)
        return listing
    }

    private func keep(_ listing: HubListing, as question: Question) {
        state.withLock { state in
            let old = state.kept.updateValue(Kept(listing: listing, checked: .now), forKey: question)
            state.files += listing.snapshot.files.count - (old?.listing.snapshot.files.count ?? 0)
            while state.files > Mirror.mostFiles, state.kept.count > 1,
                let oldest = state.kept.filter({ $0.key != question }).min(by: { $0.value.checked < $1.value.checked })
            {
                state.kept[oldest.key] = nil
                state.files -= oldest.value.listing.snapshot.files.count
            }
        }
    }

    /// What leads to the same commit by a word: `main` first.
    func revision(leadingTo commit: String, of repository: HubRepository) -> String? {
        let words = state.withLock { state in
            state.kept.filter { $0.key.repository == repository && $0.value.listing.commit == commit }.keys
                .map(\.revision).filter { !Revision.isCommit($0) }
        }
        return words.contains(Revision.main) ? Revision.main : words.min()
    }

    /// Whether the asker may have what not everybody may. Only the upstream knows, and it is asked every few minutes.
    private func admit(_ asker: Asker, to listing: HubListing) async throws {
        guard listing.isClosed else { return }
        if settings.token != nil, asker.isTrusted { return }
        guard let token = asker.token else {
            throw listing.info.isPrivate
                ? HubRefusal(401, .noRepository, "Repository not found, or it is private: give a token")
                : HubRefusal(401, .gated, "This repository is gated: give a token that its Hub lets in")
        }
        try await admission.check(token, listing.repository) {
            guard !settings.isOffline else { throw Mirror.offline }
            try await source(token).admits(to: listing.repository)
        }
    }

    /// Branches and tags, or commits, as the upstream says it.
    public func document(_ subject: Subject, of listing: HubListing, for asker: Asker) async throws -> JSONValue {
        guard !settings.isOffline else { throw Mirror.offline }
        return try await source(for: asker, listing).document(subject, of: listing.repository)
    }

    public enum Subject: Sendable {
        case revisions
        case commits(String)
    }
}

extension Mirror {
    /// What it did so far.
    public final class Counts: Sendable {
        public let asked = Count()
        public let transfers = Count()
        /// Askers who found a transfer under way.
        public let joined = Count()
        public let fetched = Count()
        /// Bytes that were given before their file was known to be right.
        public let unchecked = Count()
        public let wrong = Count()
        public let evicted = Count()
    }

    public final class Count: Sendable {
        private let number = Atomic<UInt64>(0)
        public var value: UInt64 { number.load(ordering: .relaxed) }
        public func add(_ more: UInt64) { number.add(more, ordering: .relaxed) }
    }
}
