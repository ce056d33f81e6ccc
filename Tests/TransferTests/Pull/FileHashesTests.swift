import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `The hash of a file whose units come in any order` {
    /// Units of so many bytes, one behind the other.
    private func units(_ counts: [UInt64], stored: Set<Int> = []) -> [FileHashes.Unit] {
        var start: UInt64 = 0
        return counts.enumerated().map { number, count in
            defer { start += count }
            return FileHashes.Unit(bytes: start..<start + count, isStored: stored.contains(number))
        }
    }

    private func whole(_ queue: FinishedUnits, _ count: Int) { for unit in 0..<count { queue.of(file: 0)(unit) } }

    @Test func `goes along with a unit that is the next, and else over bytes that were passed over`() {
        let queue = FinishedUnits()
        let hashes = FileHashes([(units([10, 20, 30, 40]), false), (units([5, 100]), false)], from: queue)
        // The first unit of the first file is not here.
        #expect(hashes.begin(1, of: 0, canCarry: true) == nil)
        let own = hashes.begin(0, of: 1, canCarry: true)
        #expect(own?.file == 1 && own?.isOwn == true && own?.bytes == 0..<5)
        // Its hash is in use; and the first file's has no bytes.
        #expect(hashes.begin(1, of: 1, canCarry: true) == nil)
        hashes.giveBack(hashes.take(1), of: 1, at: 5)
        // It is not the next one, so the task takes along as many bytes of another.
        let other = hashes.begin(3, of: 0, canCarry: true)
        #expect(other?.file == 1 && other?.isOwn == false && other?.bytes == 5..<45)
        hashes.giveBack(hashes.take(1), of: 1, at: 45)
        // Small units take nothing along, and are passed over.
        #expect(hashes.begin(0, of: 0, canCarry: false) == nil)
        let first = hashes.begin(2, of: 0, canCarry: true)
        #expect(first?.file == 0 && first?.isOwn == false && first?.bytes == 0..<30)
    }

    @Test func `is made by a task of its own as soon as no unit waits to be read`() async throws {
        let queue = FinishedUnits()
        let hashes = FileHashes([(units([10, 20]), false)], from: queue)
        whole(queue, 2)
        #expect(hashes.begin(0, of: 0, canCarry: false) == nil)
        let task = Task { try await hashes.work(of: 0) }
        // One unit waits, and so does the task.
        while hashes.tasksWaiting == 0 { await Task.yield() }
        #expect(hashes.begin(1, of: 0, canCarry: false) == nil)
        guard case .bytes(0..<10) = try await task.value else { return #expect(Bool(false), "it began elsewhere") }
    }

    @Test func `is made by its own task alone where a client waits for it`() async throws {
        let queue = FinishedUnits()
        let hashes = FileHashes([(units([10, 20]), true)], from: queue)
        whole(queue, 2)
        #expect(hashes.begin(0, of: 0, canCarry: true) == nil)
        guard case .bytes(0..<10) = try await hashes.work(of: 0) else { return #expect(Bool(false), "it waited") }
        #expect(hashes.begin(1, of: 0, canCarry: true) == nil)
    }

    @Test func `takes layers of the store from its own task, and empty units from none`() async throws {
        let hashes = FileHashes([(units([0, 10, 5, 0], stored: [1, 2]), false)], from: FinishedUnits())
        guard case .stored(1..<3) = try await hashes.work(of: 0) else { return #expect(Bool(false), "another work") }
        hashes.giveBack(hashes.take(0), of: 0, at: 15)
        guard case .nothing = try await hashes.work(of: 0) else { return #expect(Bool(false), "it has no end") }
    }

    @Test func `is right whatever the order`() async throws {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        let scratch = try Scratch()
        let shelf = try Shelf(at: scratch["store"])
        for round in 0..<30 {
            let counts: [[UInt64]] = (0..<3).map { _ in
                (0..<Int(numbers.next() % 9)).map { _ in numbers.next() % 5 == 0 ? 0 : numbers.next() % 3_000_000 }
            }
            let contents = try counts.enumerated().map { number, counts in
                let bytes = seededBytes(Int(counts.reduce(0, +)), seed: seed &+ UInt64(number))
                let path = scratch["\(round)-\(number)"]
                try File(path, .create).write(bytes.span, at: 0)
                return (path: path, bytes: bytes)
            }
            let queue = FinishedUnits()
            let files = counts.map { units($0) }
            let hashes = FileHashes(files.map { ($0, numbers.next() % 4 == 0) }, from: queue)
            var order = files.indices.flatMap { file in files[file].indices.map { FinishedUnit(file: file, unit: $0) } }
            order.shuffle(using: &numbers)
            for unit in order { queue.of(file: unit.file)(unit.unit) }
            let plain = { @Sendable (file: Int, bytes: Range<UInt64>) in
                PlainBytes(file: try File(contents[file].path, .read), start: bytes.lowerBound, count: bytes.length)
            }
            try await onPool {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for half in [order[..<(order.count / 2)], order[(order.count / 2)...]] {
                        group.addTask {
                            for place in half {
                                let bytes = files[place.file][place.unit].bytes
                                let carried = hashes.begin(place.unit, of: place.file, canCarry: bytes.length > 1 << 20)
                                let others = try carried?.others.map { try plain($0.file, $0.bytes) }
                                let unit = try plain(place.file, bytes)
                                let reading =
                                    try carried?.read(unit, over: others, in: shelf.store) ?? shelf.store.read(unit)
                                let own = Array(
                                    contents[place.file].bytes[Int(bytes.lowerBound)..<Int(bytes.upperBound)])
                                #expect(reading.layer.digest == SHA256.digest(of: own.span))
                                shelf.store.release(reading)
                            }
                        }
                    }
                    for file in files.indices {
                        group.addTask {
                            while true {
                                let work = try await hashes.work(of: file)
                                var hash = hashes.take(file)
                                guard case .bytes(let bytes) = work else {
                                    let digest = hash.finish()
                                    let whole = contents[file].bytes
                                    let right = SHA256.digest(of: whole.span)
                                    #expect(digest == right, "seed \(seed), round \(round)")
                                    return
                                }
                                try shelf.store.forEachChunk(of: plain(file, bytes)) { hash.update($0) }
                                hashes.giveBack(hash, of: file, at: bytes.upperBound)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }
}
