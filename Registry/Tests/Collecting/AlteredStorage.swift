import Model
import Platform
import Storage
import Synchronization

/// A storage of which a test changes something: what comes before an operation, what a listing has, which value is not found.
struct AlteredStorage<Inner: KeyedStorage>: KeyedStorage {
    let inner: Inner
    var before: @Sendable (_ key: String) async throws(CakeError) -> Void = { _ in }
    /// With the time at which the key was put; nil for a folder.
    var lists: @Sendable (_ key: String, _ time: Int?) async -> Bool = { _, _ in true }
    var finds: @Sendable (_ key: String) -> Bool = { _ in true }

    func look(at key: String) async throws(CakeError) -> StorageEntry<Inner.Version>? {
        try await before(key)
        return try await inner.look(at: key)
    }

    func read(_ key: String) async throws(CakeError) -> (entry: StorageEntry<Inner.Version>, body: StorageBody)? {
        try await before(key)
        return finds(key) ? try await inner.read(key) : nil
    }

    func names(in folder: String) async throws(CakeError) -> [String] {
        try await before(folder)
        var names: [String] = []
        for name in try await inner.names(in: folder) {
            let key = folder + "/" + name
            if await lists(key, try await inner.look(at: key)?.time) { names.append(name) }
        }
        return names
    }

    func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Inner.Version>
    ) async throws(CakeError) -> Bool {
        try await before(key)
        return try await inner.put(body, at: key, if: condition)
    }

    func remove(_ key: String, ifUnchanged version: Inner.Version?) async throws(CakeError) -> Bool {
        try await before(key)
        return try await inner.remove(key, ifUnchanged: version)
    }

    func removeOnce(_ key: String, ifUnchanged version: Inner.Version) async throws(CakeError) -> Bool {
        try await before(key)
        return try await inner.removeOnce(key, ifUnchanged: version)
    }

    func mark(_ keys: [String]) async throws(CakeError) {
        for key in keys {
            try await before(key)
            try await inner.mark([key])
        }
    }
}

extension KeyedStorage {
    func stepped(by steps: Steps) -> any KeyedStorage {
        AlteredStorage(inner: self, before: { _ throws(CakeError) in try await steps.next() })
    }

    func before(_ body: @escaping @Sendable (String) async throws(CakeError) -> Void) -> any KeyedStorage {
        AlteredStorage(inner: self, before: body)
    }

    /// Listings that have a key only when it is so many seconds old.
    func lagging(_ seconds: Int, by clock: @escaping @Sendable () async -> Int) -> any KeyedStorage {
        AlteredStorage(
            inner: self,
            lists: { _, time in
                guard let time else { return true }
                return await clock() - time >= seconds
            })
    }

    func listing(_ has: @escaping @Sendable (String) -> Bool) -> any KeyedStorage {
        AlteredStorage(inner: self, lists: { key, _ in has(key) })
    }

    func finding(_ finds: @escaping @Sendable (String) -> Bool) -> any KeyedStorage {
        AlteredStorage(inner: self, finds: finds)
    }

    @discardableResult
    func delete(_ key: String) async throws(CakeError) -> Bool { try await remove(key, ifUnchanged: nil) }

    func set(_ bytes: [UInt8], at key: String) async throws(CakeError) {
        _ = try await put(StorageBody(bytes), at: key, if: .always)
    }

    func value(_ key: String) async throws(CakeError) -> [UInt8]? {
        guard let body = try await read(key)?.body else { return nil }
        return try await body.bytes(0..<body.size)
    }

    func isThere(_ key: String) async throws(CakeError) -> Bool { try await look(at: key) != nil }

    func time(_ key: String) async throws(CakeError) -> Int? { try await look(at: key)?.time }

    func collection(
        _ timing: StorageTiming, _ options: DistantCollection.Options,
        _ tell: @escaping @Sendable (DistantCollection.Step) -> Void = { _ in }
    ) -> DistantCollection {
        DistantCollection(in: self, timing, options, tell)
    }
}

/// The operations of one process. Before one of them something else is done, while all others wait; or from one on no operation is done
/// any more, as of a process that was killed.
final class Steps: Sendable {
    private struct State {
        var count = 0
        var event: (@Sendable () async -> Void)?
        var isKilled = false
        var running: Task<Void, Never>?
    }

    private let number: Int
    private let state = Mutex(State())

    /// An event before an operation, counted from 0.
    init(at number: Int, _ event: @escaping @Sendable () async -> Void) {
        self.number = number
        state.withLock { $0.event = event }
    }

    /// Killed before an operation.
    init(killedAt number: Int) { self.number = number }

    var count: Int { state.withLock { $0.count } }

    /// Whether the operation came.
    var isOver: Bool { count > number }

    func next() async throws(CakeError) {
        let (running, isKilled) = state.withLock { state -> (Task<Void, Never>?, Bool) in
            if state.isKilled { return (nil, true) }
            state.count += 1
            guard state.count == number + 1 else { return (state.running, false) }
            guard let event = state.event else {
                state.isKilled = true
                return (nil, true)
            }
            let task = Task(executorPreference: Stage.pool) { await event() }
            state.running = task
            return (task, false)
        }
        if isKilled { throw CakeError(.failed, "killed") }
        await running?.value
    }
}

/// Something that has come.
final class Signal: Sendable {
    private let state = Mutex<(hasCome: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func set() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let hasCome = state.withLock { state in
                if !state.hasCome { state.waiting.append(continuation) }
                return state.hasCome
            }
            if hasCome { continuation.resume() }
        }
    }
}
