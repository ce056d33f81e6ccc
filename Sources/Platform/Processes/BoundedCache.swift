public import Synchronization

/// Values that many tasks look up. Code that uses a cache is compiled with it, for its own types: a generic one costs
/// many times as much. When the values cost more than the limit, the least recently used are dropped. The last
/// one stays, at any cost.
public final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline let value: Value
        @usableFromInline let cost: Int
        @usableFromInline var use: UInt64

        @inlinable init(value: Value, cost: Int, use: UInt64) {
            (self.value, self.cost, self.use) = (value, cost, use)
        }
    }

    @usableFromInline struct State: Sendable {
        @usableFromInline var entries: [Key: Entry] = [:]
        @usableFromInline var cost = 0
        /// Every use, the latest last. Only the last use of an entry counts.
        @usableFromInline var uses: [(key: Key, use: UInt64)] = []
        /// Uses before this one were looked at.
        @usableFromInline var first = 0
        @usableFromInline var last: UInt64 = 0

        @inlinable init() {}

        @inlinable mutating func use(_ key: Key) -> Value? {
            guard let place = entries.index(forKey: key) else { return nil }
            note(key)
            entries.values[place].use = last
            return entries.values[place].value
        }

        @inlinable mutating func add(_ entry: Entry, for key: Key) {
            note(key)
            entries[key] = entry
            entries[key]?.use = last
            cost += entry.cost
        }

        @inlinable mutating func remove(_ key: Key) -> Value? {
            guard let entry = entries.removeValue(forKey: key) else { return nil }
            cost -= entry.cost
            return entry.value
        }

        @inlinable mutating func removeOldest() -> Value? {
            while first < uses.count {
                let (key, use) = uses[first]
                first += 1
                if entries[key]?.use == use { return remove(key) }
            }
            return nil
        }

        @inlinable mutating func note(_ key: Key) {
            if uses.count >= 2 * entries.count + 16 {
                let counting = uses[first...].filter { entries[$0.key]?.use == $0.use }
                (uses, first) = (counting, 0)
            }
            last += 1
            uses.append((key, last))
        }
    }

    @usableFromInline let room: Int
    @usableFromInline let cost: @Sendable (Value) -> Int
    @usableFromInline let state: Mutex<State>

    /// Without a cost each value costs one.
    @inlinable public init(room: Int, cost: @escaping @Sendable (Value) -> Int = { _ in 1 }) {
        state = Mutex(State())
        self.room = room
        self.cost = cost
    }

    /// Reading a value uses it, and so does writing one.
    @inlinable public subscript(key: Key) -> Value? {
        get { state.withLock { $0.use(key) } }
        set {
            // Dropped values are freed outside the lock.
            let gone = state.withLock { state -> [Value] in
                var gone = state.remove(key).map { [$0] } ?? []
                guard let newValue else { return gone }
                state.add(Entry(value: newValue, cost: cost(newValue), use: 0), for: key)
                while state.cost > room, state.entries.count > 1, let oldest = state.removeOldest() {
                    gone.append(oldest)
                }
                return gone
            }
            withExtendedLifetime(gone) {}
        }
    }

    /// The kept value, or else the one that `make` gives, which is kept then. Several tasks may make the same value at
    /// once.
    public func value<Failure: Error>(
        for key: Key, orElse make: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        if let kept = self[key] { return kept }
        let made = try make()
        self[key] = made
        return made
    }

    /// Uses nothing.
    @inlinable public func has(_ key: Key) -> Bool { state.withLock { $0.entries[key] != nil } }

    /// Does not count as a use.
    public func all() -> [(key: Key, value: Value)] {
        state.withLock { $0.entries.map { (key: $0.key, value: $0.value.value) } }
    }

    /// One that is as it says, however many are.
    public func first(where isRight: (Key, Value) -> Bool) -> Value? {
        state.withLock { $0.entries.first { isRight($0.key, $0.value.value) }?.value.value }
    }

    public func removeAll(where isGone: (Key, Value) -> Bool = { _, _ in true }) {
        let gone = state.withLock { state in
            state.entries.filter { isGone($0.key, $0.value.value) }.keys.map { state.remove($0) }
        }
        withExtendedLifetime(gone) {}
    }
}
