/// Makes pieces 0, 1, 2 … on the pool, a few at once, and takes them in order: a file is written from the front while
/// all cores work on later pieces. At most `atOnce` pieces exist that were not taken; the number may change during the
/// work.
public func inOrder<Piece: Sendable>(
    _ count: Int, atOnce: @autoclosure () -> Int, on pool: BlockingPool,
    make: @escaping @Sendable (Int) async throws -> Piece,
    take: (Int, Piece) async throws -> Void
) async throws {
    guard count > 1, atOnce() > 1 else {
        for index in 0..<count { try await take(index, try await make(index)) }
        return
    }
    try await withThrowingTaskGroup(of: (Int, Piece).self) { group in
        var started = 0
        func startOne() {
            let index = started
            group.addTask(executorPreference: pool) { (index, try await make(index)) }
            started += 1
        }
        var early: [Int: Piece] = [:]
        var next = 0
        func startSome() { while started < count, started - next < max(1, atOnce()) { startOne() } }
        startSome()
        while let (index, piece) = try await group.next() {
            early[index] = piece
            while let piece = early.removeValue(forKey: next) {
                try await take(next, piece)
                next += 1
                startSome()
            }
        }
    }
}

/// Does work on the pool, a few items at once, each as soon as possible: no item waits for another's turn. Returns the
/// results in order.
public func sideBySide<Piece: Sendable>(
    _ count: Int, atOnce: Int, on pool: BlockingPool, make: @escaping @Sendable (Int) async throws -> Piece
) async throws -> [Piece] {
    try await withThrowingTaskGroup(of: (Int, Piece).self) { group in
        var made = [Piece?](repeating: nil, count: count)
        var started = 0
        func startOne() {
            let index = started
            group.addTask(executorPreference: pool) { (index, try await make(index)) }
            started += 1
        }
        while started < min(atOnce, count) { startOne() }
        while let (index, piece) = try await group.next() {
            made[index] = piece
            if started < count { startOne() }
        }
        return made.compactMap(\.self)
    }
}
