public import Model
internal import Platform
internal import Remote
internal import Storage
internal import Store

/// The upstream's listings, and access to them.
extension Mirror {
    /// A repository at a revision, as the upstream lists it now, or listed it last. Refused to callers that the
    /// upstream would refuse.
    public func listing(
        of repository: HubRepository, _ revision: String, for asker: UpstreamIdentity
    ) async throws -> HubListing {
        let owned = asker.token.map { UpstreamAccess.digest(of: $0) }
        let listing: HubListing
        do {
            listing = try await self.listing(
                Question(repository: repository, revision: revision, token: nil), as: settings.token)
        } catch let refusal as HubRefusal where [401, 403, 404].contains(refusal.status) {
            // Only readers of a hidden repository learn that it exists.
            guard let token = asker.token, case .hub = settings.upstream else { throw refusal }
            listing = try await self.listing(
                Question(repository: repository, revision: revision, token: owned), as: token)
        }
        try await admit(asker, to: listing)
        guard listing.isClosed, listing.isMasked, let token = asker.token else { return listing }
        return try await self.listing(Question(repository: repository, revision: revision, token: owned), as: token)
    }

    private func listing(_ question: Question, as token: HubToken?) async throws -> HubListing {
        let kept = known(question)
        let life = Revision.isCommit(question.revision) ? settings.accessLife : settings.revalidation
        if let kept, kept.isCurrent(for: life) { return kept.listing }
        guard !settings.isOffline else {
            guard let kept else { throw Mirror.offline }
            return kept.listing
        }
        if let refusal = refused[question], refusal.until > .now { throw refusal.what }
        do {
            return try await asking.value(for: question, within: settings.patience, orElse: Mirror.late) {
                try await self.ask(question, as: token, knowing: kept?.listing)
            }
        } catch let refusal as HubRefusal {
            guard refusal.isPassing else {
                refuse(question, refusal)
                throw refusal
            }
            guard var kept else { throw refusal }
            kept.restsUntil = .now + Mirror.rest
            self.kept[question] = kept
            return kept.listing
        }
    }

    /// A missing repository may appear soon, but many clients must not cause many requests.
    private func refuse(_ question: Question, _ refusal: HubRefusal) {
        let isWhole = refusal.code != .noRevision
        kept.removeAll { key, old in
            key.repository == question.repository && key.token == question.token
                && (isWhole || key == question || old.listing.commit == question.revision)
        }
        refused[question] = (refusal, .now + Mirror.rest)
        if question.token == nil, [.noRepository, .gated].contains(refusal.code), case .hub = settings.upstream {
            mark(question.repository, isClosed: true)
        }
    }

    /// A model that became closed or open upstream is so here too, also for clients that use other addresses.
    private func mark(_ repository: HubRepository, isClosed: Bool) {
        closed[repository] = isClosed
        // If the mark cannot be saved, it holds for this request, and the next answer tries again.
        try? models.mark(repository, isClosed ? .mirroredClosed : .mirrored)
    }

    /// The listing of a commit is the same for any revision that leads to it.
    private func known(_ question: Question) -> Kept? {
        if let known = kept[question] { return known }
        guard Revision.isCommit(question.revision) else { return nil }
        return kept.first { key, kept in
            key.repository == question.repository && key.token == question.token
                && kept.listing.commit == question.revision
        }
    }

    private func ask(_ question: Question, as token: HubToken?, knowing known: HubListing?) async throws -> HubListing {
        counts.asked.add(1)
        let routes: HubRoutes
        switch settings.upstream {
        case .hub(let hub): routes = hub
        case .registry(let registry):
            let listing = try await registry.listing(of: question.repository, question.revision, knowing: known)
            kept[question] = Kept(listing: listing, checked: .now)
            return listing
        }
        do {
            return try await ask(routes, question, as: token, knowing: known)
        } catch let error as CakeError where error.kind == .damaged {
            throw HubRefusal.upstream(502, "The list of files of the upstream Hub is not valid", retryAfter: 60)
        }
    }

    private func ask(
        _ routes: HubRoutes, _ question: Question, as token: HubToken?, knowing known: HubListing?
    ) async throws -> HubListing {
        let source = source(routes, token)
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
        kept[question] = Kept(listing: listing, checked: .now)
        mark(listing.repository, isClosed: listing.isClosed)
        return listing
    }

    /// The words that lead to the same commit: `main` first.
    func revision(leadingTo commit: String, of repository: HubRepository) -> String? {
        let words = kept.all().filter { $0.key.repository == repository && $0.value.listing.commit == commit }
            .map(\.key.revision).filter { !Revision.isCommit($0) }
        return words.contains(Revision.main) ? Revision.main : words.min()
    }

    /// Whether the caller may have a closed model. Only the upstream knows, and is asked every few minutes.
    private func admit(_ asker: UpstreamIdentity, to listing: HubListing) async throws {
        guard listing.isClosed else { return }
        if settings.token != nil, asker.isTrusted { return }
        guard let token = asker.token else {
            throw listing.info.isPrivate
                ? HubRefusal(401, .noRepository, "Repository not found, or it is private: send a token")
                : HubRefusal(401, .gated, "This repository is gated: send a token that its Hub accepts")
        }
        try await admission.check(token, listing.repository) {
            guard !settings.isOffline else { throw Mirror.offline }
            guard case .hub(let routes) = settings.upstream else { return }
            try await source(routes, token).admits(to: listing.repository)
        }
    }

    /// Branches and tags, or commits, unchanged from the upstream.
    public func document(_ subject: Subject, of listing: HubListing, for asker: UpstreamIdentity) async throws
        -> JSONValue
    {
        guard !settings.isOffline else { throw Mirror.offline }
        switch settings.upstream {
        case .hub(let routes):
            let url =
                switch subject {
                case .revisions: routes.revisions(of: listing.repository)
                case .commits(let revision): routes.commits(of: listing.repository, at: revision)
                }
            return try await source(routes, for: asker, listing).document(at: url, of: listing.repository)
        case .registry(let registry): return try await registry.document(subject, of: listing)
        }
    }

    public enum Subject: Sendable {
        case revisions
        case commits(String)
    }
}
