import Foundation
import Model
import Platform
import Support
import Synchronization
import Testing

@testable import Store

@Suite struct `A half-fetched file` {
    private let scratch: Scratch
    private let shelf: Shelf
    private let key = SHA256.digest(of: [1, 2, 3].span)

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
    }

    private var folder: String { shelf.root + "/incoming/" + key.hex }

    private func take(waiting: @escaping @Sendable () -> Void = {}) async throws -> Parts {
        try await Parts.take(shelf.store, key: key, waiting: waiting)
    }

    private func put(_ bytes: [UInt8], at start: UInt64, _ parts: Parts) throws {
        let part = try parts.part(at: start)
        try part.append(bytes.span)
        part.close()
    }

    @Test func `goes on where it stopped after it was opened again`() async throws {
        var parts = try await take()
        try put([0, 1, 2, 3], at: 0, parts)
        try put([10, 11], at: 10, parts)
        parts.release()
        parts = try await take()
        #expect(Array(parts.runs.ranges) == [0..<4, 10..<12])
        try put([4, 5], at: 4, parts)
        #expect(try Disk.names(in: folder).filter { UInt64($0) != nil }.sorted() == ["0", "10"])
        try put([6, 7, 8, 9], at: 6, parts)
        #expect(Array(parts.runs.ranges) == [0..<12])
        parts.release()
        parts = try await take()
        #expect(Array(parts.runs.ranges) == [0..<12])
        #expect(try parts.plain(1..<12).all() == Array(1...11))
        #expect(throws: CakeError.self) { try parts.plain(5..<13) }
    }

    @Test func `counts bytes that lie in two parts once`() async throws {
        try ModelMaker.write(["0": [0, 1, 2, 3, 4], "3": [3, 4, 5], "4": [4], "9": [9]], to: folder)
        try sameBoot()
        let parts = try await take()
        #expect(Array(parts.runs.ranges) == [0..<6, 9..<10])
        #expect(try parts.plain(0..<6).all() == [0, 1, 2, 3, 4, 5])
    }

    private func sameBoot() throws { try ModelMaker.write(["boot": Array(Machine.boot.utf8)], to: folder) }

    @Test func `counts only what was synced when the machine was started anew`() async throws {
        let step = Int(Parts.syncStep)
        try ModelMaker.write(["0": [1, 2, 3], "boot": Array("another".utf8)], to: folder)
        for (name, length) in [("5", step), ("200000000", step + 7)] {
            #expect(FileManager.default.createFile(atPath: folder + "/" + name, contents: nil))
            #expect(unsafe truncate(folder + "/" + name, length) == 0)
        }
        let parts = try await take()
        let start = UInt64(200_000_000)
        #expect(Array(parts.runs.ranges) == [5..<5 + Parts.syncStep, start..<start + Parts.syncStep])
        #expect(!FileManager.default.fileExists(atPath: folder + "/0"))
        parts.release()
        let later = try await take()
        #expect(later.runs.ranges.count == 2)
    }

    @Test func `is not led astray by what else lies in its folder`() async throws {
        try ModelMaker.write(
            [
                "18446744073709551615": [1, 2], "+5": [1], "007": [1], "-1": [1], "99999999999999999999999": [1],
                "x": [1],
                "3/deep": [1], "20": [],
            ], to: folder)
        try ModelMaker.write(["secret": [1, 2, 3]], to: scratch["outside"])
        try Bend.link(folder + "/40", to: scratch["outside/secret"])
        try sameBoot()
        let parts = try await take()
        #expect(Array(parts.runs.ranges) == [])
        // They disturb no other part.
        for start in [UInt64(3), 5, 7, 20, 40] { try put([9], at: start, parts) }
        #expect(Array(parts.runs.ranges) == [3..<4, 5..<6, 7..<8, 20..<21, 40..<41])
        #expect(try ModelMaker.read(scratch["outside"]) == ["secret": [1, 2, 3]])
        try parts.remove()
        #expect(try Disk.status(folder) == nil)
    }

    @Test func `is one process's at a time, and the next one's when that is done`() async throws {
        let parts = try await take()
        try put([1], at: 0, parts)
        let (waits, continuation) = AsyncStream.makeStream(of: Void.self)
        let other = Task { try await take { continuation.yield() } }
        for await _ in waits { break }
        // The folder is removed while another task waits for it.
        try parts.remove()
        let theirs = try await other.value
        #expect(theirs.runs.isEmpty)
        try put([2], at: 0, theirs)
        // Done twice, it is no longer ours to remove.
        try parts.remove()
        #expect(Array(theirs.runs.ranges) == [0..<1])
        #expect(try theirs.plain(0..<1).all() == [2])
    }

    @Test func `is not waited for by a task that is cancelled`() async throws {
        let parts = try await take()
        let (waits, continuation) = AsyncStream.makeStream(of: Void.self)
        let other = Task { try await take { continuation.yield() } }
        for await _ in waits { break }
        other.cancel()
        await #expect(throws: CancellationError.self) { try await other.value }
        withExtendedLifetime(parts) {}
    }

    @Test func `needs no open file for what is not written`() async throws {
        let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        let parts = try await take()
        for start in 0..<300 { try put([UInt8(start % 256)], at: UInt64(start) * 2, parts) }
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        // Other tests run beside.
        #expect(open - before < 150)
        #expect(parts.runs.ranges.count == 300)
    }

    @Test func `is open once for all who read it, and no longer than they do`() async throws {
        let part = try (try await take()).part(at: 0)
        try part.append([0, 1, 2].span)
        var files = try (0..<50).map { _ in try part.opened() }
        part.close()
        files += try (0..<50).map { _ in try part.opened() }
        #expect(files.allSatisfy { $0 === files[0] })
        weak let last = files[0]
        files = []
        #expect(last == nil)
        // There is no writer: still one.
        let others = try (0..<50).map { _ in try part.opened() }
        #expect(others.allSatisfy { $0 === others[0] })
        #expect(try others[0].bytes(at: 0, count: 3) == [0, 1, 2])
    }

    @Test func `is collected when it is old and nobody has it`() async throws {
        let parts = try await take()
        try put([1, 2, 3], at: 0, parts)
        _ = try await onPool { try shelf.collect(isForced: true) }
        #expect(Array(parts.runs.ranges) == [0..<3])
        #expect(try Disk.status(folder) != nil)
        parts.release()
        _ = try await onPool { try shelf.collect(grace: .seconds(3600), isForced: true) }
        #expect(try Disk.status(folder) != nil)
        #expect(try await onPool { try shelf.collect(isDryRun: true, isForced: true) }.halfFetched == 1)
        #expect(try Disk.status(folder) != nil)
        _ = try await onPool { try shelf.collect(isForced: true) }
        #expect(try Disk.status(folder) == nil)
    }

    @Test func `is collected also when its removal was cut short`() async throws {
        try ModelMaker.write(["0": [1, 2]], to: folder)
        _ = try await onPool { try shelf.collect(isForced: true) }
        #expect(try Disk.status(folder) == nil)
    }

    @Test(arguments: Fault.allCases) func `is right and goes on, whichever call fails`(fault: Fault) async throws {
        try await countingFaults(fault) {
            try? Bend.remove(folder)
            let parts = try await take()
            try put([0, 1, 2], at: 0, parts)
            try Bend.edit(folder + "/boot") { $0 = Array("another".utf8) }
        } work: { _ in
            let parts = try await take()
            try put([5, 6], at: 5, parts)
            try put([7], at: 7, parts)
            return parts.runs
        } check: { _, runs, nth in
            if let runs { #expect(Array(runs.ranges) == [5..<8]) }
            let parts = try await take()
            for run in parts.runs.ranges {
                let bytes = try parts.plain(run).all()
                #expect(bytes == (run).map { UInt8($0) }, "call \(nth)")
            }
            try parts.remove()
            #expect(try Disk.status(folder) == nil)
        }
    }
}
