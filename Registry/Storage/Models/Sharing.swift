public import Model
internal import Store
internal import Synchronization

/// Which layers may be sent with a model that does not have them itself: other members of its packs, and bases of its
/// deltas. Only layers that each of its readers may have with another model. A closed model counts for no reader.
public struct Sharing: Sendable {
    /// The models that one reader may read.
    private enum Reach: Sendable {
        /// Everything but layers of closed models alone.
        case all(but: [ModelSummary], open: [ModelSummary])
        case models([ModelSummary])

        func has(_ layer: Digest) -> Bool {
            switch self {
            case .all(let closed, let open):
                !closed.contains { $0.has(layer) } || open.contains { $0.has(layer) }
            case .models(let models): models.contains { $0.has(layer) }
            }
        }
    }

    private let reaches: [Reach]

    /// `open` are the store's models by repository, `closed` those that no caller gets.
    init(
        among readers: [RegistryReader], open: [(repository: RepositoryName, model: ModelSummary)],
        closed: [ModelSummary]
    ) {
        reaches = readers.compactMap { reader in
            switch reader {
            case .everyone: closed.isEmpty ? nil : .all(but: closed, open: open.map(\.model))
            case .token: .models(open.filter { reader.mayRead($0.repository) }.map(\.model))
            }
        }
    }

    /// For any layer.
    public var allowsAll: Bool { reaches.isEmpty }

    public func allows(_ layer: Digest) -> Bool { reaches.allSatisfy { $0.has(layer) } }

    /// Of a model's own layers, too.
    public func allows(_ layer: Digest, with model: ModelSummary) -> Bool { model.has(layer) || allows(layer) }
}

extension RegistryStore {
    /// For all readers of the repository.
    func sharing(in repository: RepositoryName) throws(CakeError) -> Sharing {
        try sharing(
            among: tokens().readers(withEveryone: letsAnybodyRead).filter { $0.mayRead(repository) })
    }

    public func sharing(among readers: [RegistryReader]) throws(CakeError) -> Sharing {
        let (shown, number) = shownModels
        if let known = seen.sharings[readers, number] { return known }
        let sharing = try sharing(among: readers, shown)
        seen.sharings.add(sharing, readers, number)
        return sharing
    }

    private func sharing(among readers: [RegistryReader], _ shown: ShownModels) throws(CakeError) -> Sharing {
        let isFree = readers.allSatisfy { $0 == .everyone }
        guard !isFree || !shown.closed.isEmpty else { return Sharing(among: [], open: [], closed: []) }
        var open = shown.served.map { (repository: $0.place.repository, model: $0.named.record.manifest) }
        var closed = shown.closed.values.reduce(into: Set<Digest>()) { $0.formUnion($1) }
        // Manifests of a name that was removed, or that has another model now.
        for repository in try allRepositories() {
            for given in try given(in: repository).value {
                if shown.isGiven(given.model, in: repository) {
                    open.append((repository, given.model))
                } else {
                    closed.insert(given.model)
                }
            }
        }
        return Sharing(
            among: readers,
            open: open.compactMap { one in
                (try? summary(of: one.model)).flatMap(\.self).map { (repository: one.repository, model: $0) }
            }, closed: closed.compactMap { (try? summary(of: $0)).flatMap(\.self) })
    }
}

/// Recent results: a client that reads a model's packs asks for each.
final class KnownSharings: Sendable {
    private struct State {
        var number: UInt64 = 0
        var known: [[RegistryReader]: (sharing: Sharing, time: ContinuousClock.Instant)] = [:]
    }

    private static let most = 64
    /// A removal by a collection counts after this time.
    private static let life = Duration.seconds(10)
    private let state = Mutex(State())

    subscript(readers: [RegistryReader], number: UInt64) -> Sharing? {
        state.withLock { state in
            guard state.number == number, let known = state.known[readers], .now - known.time < KnownSharings.life
            else {
                return nil
            }
            return known.sharing
        }
    }

    func add(_ sharing: Sharing, _ readers: [RegistryReader], _ number: UInt64) {
        state.withLock { state in
            if state.number != number { state = State(number: number) }
            if state.known.count >= KnownSharings.most { _ = state.known.popFirst() }
            state.known[readers] = (sharing, .now)
        }
    }
}
