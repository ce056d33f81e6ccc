internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// A unit of a file of which all bytes are here. Both go by their numbers.
struct FinishedUnit: Sendable {
    let file: Int
    let unit: Int
}

/// Units in the order in which they became whole.
struct FinishedUnits: Sendable {
    fileprivate let stream: AsyncStream<FinishedUnit>
    private let continuation: AsyncStream<FinishedUnit>.Continuation
    private let counter = Counter()

    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    init() { (stream, continuation) = AsyncStream.makeStream() }

    /// How many there were so far.
    var count: Int { counter.count.load(ordering: .acquiring) }

    /// The callback for a file's units.
    func of(file: Int) -> @Sendable (Int) -> Void {
        { [continuation, counter] in
            counter.count.add(1, ordering: .acquiringAndReleasing)
            continuation.yield(FinishedUnit(file: file, unit: $0))
        }
    }

    /// No more will come.
    func end() { continuation.finish() }
}

/// Converts finished units. One value of it lives through an intake.
protocol Converter: Sendable {
    associatedtype Made: Sendable
    /// Runs on threads of the pool, a few at once, without access to the results.
    var convert: @Sendable (FinishedUnit) async throws -> Made { get }
    /// One at a time, as each is made. Says whether units wait for this one to be published.
    mutating func take(_ made: Made, of unit: FinishedUnit) throws -> Bool
    /// Directly after the results are published.
    mutating func settle() throws
    /// Something failed, and nothing more will be taken or published here.
    mutating func failed()
    /// Whether something has to be published before the unit can be converted. Asked again whenever something was.
    func waits(_ unit: FinishedUnit) -> Bool
}

extension Converter {
    mutating func settle() {}
    mutating func failed() {}
    func waits(_ unit: FinishedUnit) -> Bool { false }
}

/// All incoming data goes one way, from any place: bytes arrive, complete units are converted, the results are
/// published in steps, and then the bytes that they were made from are released.
struct Intake: Sendable {
    let operation: Operation
    let pool: BlockingPool
    let progress: Progress
    /// The number of stored bytes that are collected before they are published.
    let publishStep: UInt64

    private enum Done<Kind: Converter, Other: Sendable>: Sendable {
        case fetched
        case converted(Kind, stored: UInt64)
        case other(Other)
    }

    /// Downloads and converts, and does other work beside it; if one fails, the others end. Returns the stored bytes
    /// that were published on the way.
    func callAsFunction<Kind: Converter, Other: Sendable>(
        _ fetch: Fetch, _ units: FinishedUnits, count: Int, by converter: inout Kind,
        beside other: @escaping @Sendable () async throws -> Other
    ) async throws -> (stored: UInt64, other: Other) {
        let given = converter
        var (stored, found) = (UInt64(0), Other?.none)
        try await withThrowingTaskGroup(of: Done<Kind, Other>.self) { group in
            group.addTask {
                try await fetch()
                return .fetched
            }
            group.addTask {
                var converter = given
                let stored = try await convert(units, count: count, by: &converter)
                return .converted(converter, stored: stored)
            }
            group.addTask { .other(try await other()) }
            do {
                for try await done in group {
                    switch done {
                    case .fetched: break
                    case .converted(let used, let bytes): (converter, stored) = (used, bytes)
                    case .other(let value): found = value
                    }
                }
            } catch {
                // Tasks that wait for bytes that will not come get an error, and everything ends.
                for file in fetch.files { file.arrivals.giveUp(error) }
                units.end()
                throw error
            }
        }
        // The group throws unless every task has returned.
        guard let found else { throw CancellationError() }
        return (stored, found)
    }

    /// Converts so many units. Publishing the last results is left to the caller.
    func convert<Kind: Converter>(
        _ units: FinishedUnits, count: Int, by converter: inout Kind
    ) async throws -> UInt64 {
        guard count > 0 else { return 0 }
        var (left, active, stored) = (count, 0, UInt64(0))
        var (waiting, ready) = ([FinishedUnit](), [FinishedUnit]())
        let convert = converter.convert
        try await withThrowingTaskGroup(of: (FinishedUnit, Kind.Made).self) { group in
            func takeOne() async throws -> Bool {
                guard let (unit, made) = try await group.next() else { return false }
                (active, left) = (active - 1, left - 1)
                guard try converter.take(made, of: unit) || operation.pendingBytes >= publishStep else { return true }
                stored += try publish(by: &converter)
                var stillWaiting: [FinishedUnit] = []
                for unit in waiting {
                    if converter.waits(unit) { stillWaiting.append(unit) } else { ready.append(unit) }
                }
                waiting = stillWaiting
                return true
            }
            func start(_ unit: FinishedUnit) async throws {
                while active > BlockingPool.processors, try await takeOne() {}
                group.addTask(executorPreference: pool) { (unit, try await convert(unit)) }
                active += 1
            }
            do {
                for await unit in units.stream {
                    if converter.waits(unit) { waiting.append(unit) } else { try await start(unit) }
                    while let next = ready.popLast() { try await start(next) }
                    if left == active + waiting.count { break }
                }
                repeat { while let next = ready.popLast() { try await start(next) } } while try await takeOne()
            } catch {
                // Results made meanwhile are right, and are kept.
                while let result = await group.nextResult() {
                    if case .success(let (unit, made)) = result { _ = try? converter.take(made, of: unit) }
                }
                converter.failed()
                throw error
            }
        }
        return stored
    }

    /// Publishes the results so far. Returns their stored bytes.
    func publish<Kind: Converter>(by converter: inout Kind) throws -> UInt64 {
        let stored = try operation.publish(telling: progress)
        try converter.settle()
        return stored
    }
}
