internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// The last use of each model, and the bytes stored since the last check of the quota.
final class Uses: Sendable {
    private struct State {
        var last: UInt64 = 0
        var uses: [ModelName: UInt64] = [:]
        var stored: UInt64 = 0
        var isMakingRoom = false
    }

    private let state = Mutex(State())

    func note(_ name: ModelName) {
        state.withLock { state in
            state.last += 1
            state.uses[name] = state.last
        }
    }

    func last(_ name: ModelName) -> UInt64 { state.withLock { $0.uses[name] ?? 0 } }

    /// True for the caller that must make space now: not for every few bytes, and one at a time.
    func stored(_ bytes: UInt64, of quota: UInt64) -> Bool {
        state.withLock { state in
            state.stored += bytes
            guard !state.isMakingRoom, state.stored > quota / 100 else { return false }
            (state.stored, state.isMakingRoom) = (0, true)
            return true
        }
    }

    func madeRoom() { state.withLock { $0.isMakingRoom = false } }
}

extension Mirror {
    func used(_ name: ModelName) {
        uses.note(name)
        store.noteUse(of: name)
    }

    /// Evicts the least recently used models to make space for new bytes.
    func makeRoom(for bytes: UInt64) {
        guard let quota = settings.quota, uses.stored(bytes, of: quota) else { return }
        defer { uses.madeRoom() }
        let busy = transfers.repositories
        let evicted = try? store.evict(to: quota) { mirrored in
            mirrored.filter { named in
                HubPlace(named.name, named.record).map { !busy.contains($0.repository) } ?? true
            }.map { named in
                (named: named, use: uses.last(named.name), noted: store.lastUse(of: named.name))
            }.sorted { ($0.use, $0.noted) < ($1.use, $1.noted) }.map(\.named)
        }
        counts.evicted.add(UInt64(evicted?.names.count ?? 0))
    }
}
