import Foundation
import Model
import Storage
import Support
import Testing

/// The behaviour of every storage. A new one is a case here.
@Suite struct `A value under a key` {
    enum Kind: Equatable {
        case folder, memory
        case s3(S3Engine)

        static let allCases = [folder, memory] + S3Engine.there.map { s3($0) }
    }

    private func with(
        _ kind: Kind, _ body: (any KeyedStorage) async throws -> Void
    ) async throws {
        switch kind {
        case .memory: try await body(MemoryStorage())
        case .folder:
            let scratch = try Scratch()
            try await body(FolderStorage.test(in: scratch))
        case .s3(let engine): try await engine.with { storage, _ in try await body(storage) }
        }
    }

    @Test(arguments: Kind.allCases) func `is read as it was put, whole and by range`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            #expect(try await storage.set(Array(0..<200), at: "a/b/c"))
            #expect(try await storage.whole("a/b/c") == Array(0..<200))
            let (entry, body) = try #require(try await storage.opened("a/b/c"))
            #expect(entry.size == 200 && body.size == 200)
            #expect(try await body.bytes(10..<13) == [10, 11, 12])
            #expect(try await body.bytes(200..<200).isEmpty)
            #expect(try await storage.set([], at: "empty"))
            #expect(try await storage.whole("empty") == [])
        }
    }

    @Test(arguments: Kind.allCases) func `is not there before it is put, nor after it is removed`(_ kind: Kind)
        async throws
    {
        try await with(kind) { storage in
            #expect(try await storage.whole("a/b") == nil)
            #expect(try await storage.isThere("a/b") == false)
            #expect(try await storage.delete("a/b") == false)
            try await storage.set([1], at: "a/b")
            #expect(try await storage.isThere("a/b"))
            #expect(try await storage.isThere("a") == false)
            #expect(try await storage.delete("a/b"))
            #expect(try await storage.whole("a/b") == nil)
            #expect(try await storage.isThere("a/b") == false)
        }
    }

    @Test(arguments: Kind.allCases) func `takes the place of what was there`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            try await storage.set([1, 2, 3], at: "a")
            try await storage.set([4], at: "a")
            #expect(try await storage.whole("a") == [4])
        }
    }

    @Test(arguments: Kind.allCases) func `is put where nothing is, and nowhere else`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            let (first, second) = try await (
                storage.putIfAbsent([1], at: "a/b"), storage.putIfAbsent([2], at: "a/b")
            )
            #expect(first && !second)
            #expect(try await storage.whole("a/b") == [1])
        }
    }

    @Test(arguments: Kind.allCases) func `is replaced and removed as it was seen, and in no other state`(_ kind: Kind)
        async throws
    {
        try await with(kind) { storage in
            try await storage.replacesAndRemovesAsSeen()
        }
    }

    @Test(arguments: Kind.allCases) func `is put first by one of many`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            let first = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<16 {
                    group.addTask { try await storage.putIfAbsent([UInt8(number)], at: "a") }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(first == 1)
        }
    }

    @Test(arguments: Kind.allCases) func `loses no change of many who replace what they saw`(_ kind: Kind) async throws
    {
        // Each change takes an engine beside some requests, and most of them are in vain.
        let rounds = kind == .s3(.named) ? 10 : 100
        try await with(kind) { storage in
            try await storage.set([0], at: "a")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { for _ in 0..<rounds { try await storage.addOne(to: "a") } }
                }
                try await group.waitForAll()
            }
            #expect(try await storage.whole("a")?.count == 8 * rounds + 1)
        }
    }

    @Test(arguments: Kind.allCases) func `is read as it was opened, or not at all`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            let bytes = [UInt8](repeating: 7, count: 3 << 20)
            try await storage.set(bytes, at: "a")
            let body = try #require(try await storage.opened("a")).body
            try await storage.set([UInt8](repeating: 8, count: 3 << 20), at: "a")
            let part = try? await body.bytes(1 << 20..<(1 << 20) + 4)
            #expect(part == nil || part == [7, 7, 7, 7])
            _ = try await storage.delete("a")
            let whole = try? await body.bytes(0..<body.size)
            #expect(whole == nil || whole == bytes)
        }
    }

    @Test(arguments: Kind.allCases) func `is found by the words of its key`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            for key in ["a/one", "a/two", "a/three/four", "a/three/five", "ab/six"] {
                try await storage.set([1], at: key)
            }
            #expect(try await storage.names(in: "a").sorted() == ["one", "three", "two"])
            #expect(try await storage.names(in: "a/three").sorted() == ["five", "four"])
            #expect(try await storage.names(in: "b").isEmpty)
            _ = try await storage.delete("a/two")
            #expect(try await storage.names(in: "a").sorted() == ["one", "three"])
        }
    }

    @Test(arguments: Kind.allCases) func `is copied from another storage`(_ kind: Kind) async throws {
        let scratch = try Scratch()
        let other = try FolderStorage.test(in: scratch)
        let bytes = [UInt8](repeating: 5, count: (2 << 20) + 3)
        try other.put(StorageBody(bytes), at: "there")
        try await with(kind) { storage in
            let body = try #require(try other.read("there")).body
            #expect(try await storage.copy(body, at: "here"))
            #expect(try await storage.whole("here") == bytes)
            #expect(try other.look(at: "there") != nil)
        }
    }

    @Test(arguments: Kind.allCases) func `is an empty mark that can be made again`(_ kind: Kind) async throws {
        try await with(kind) { storage in
            try await storage.mark(["a/one", "a/two", "b/three"])
            try await storage.mark(["a/one", "a/four"])
            #expect(try await storage.names(in: "a").sorted() == ["four", "one", "two"])
            #expect(try await storage.whole("b/three") == [])
        }
    }
}

extension KeyedStorage {
    func isThere(_ key: String) async throws -> Bool { try await look(at: key) != nil }

    func opened(_ key: String) async throws -> (entry: (size: UInt64, time: Int), body: StorageBody)? {
        try await read(key).map { (($0.entry.size, $0.entry.time), $0.body) }
    }

    func whole(_ key: String) async throws -> [UInt8]? {
        guard let body = try await read(key)?.body else { return nil }
        return try await body.bytes(0..<body.size)
    }

    @discardableResult
    func set(_ bytes: [UInt8], at key: String) async throws -> Bool { try await copy(StorageBody(bytes), at: key) }

    func copy(_ body: StorageBody, at key: String) async throws -> Bool { try await put(body, at: key, if: .always) }

    func putIfAbsent(_ bytes: [UInt8], at key: String) async throws -> Bool {
        try await put(StorageBody(bytes), at: key, if: .absent)
    }

    func delete(_ key: String) async throws -> Bool { try await remove(key, ifUnchanged: nil) }

    func replacesAndRemovesAsSeen() async throws {
        try await set([1], at: "a")
        let first = try #require(try await look(at: "a")).version
        #expect(try await read("a")?.entry.version == first)
        #expect(try await put(StorageBody([2, 2]), at: "a", if: .unchanged(first)))
        let second = try #require(try await look(at: "a")).version
        #expect(second != first)
        #expect(try await put(StorageBody([3, 3, 3]), at: "a", if: .unchanged(first)) == false)
        #expect(try await remove("a", ifUnchanged: first) == false)
        #expect(try await whole("a") == [2, 2])
        #expect(try await remove("a", ifUnchanged: second))
        #expect(try await put(StorageBody([4]), at: "a", if: .unchanged(second)) == false)
        #expect(try await whole("a") == nil)
    }

    /// Makes a value longer by a byte, as often as it takes.
    func addOne(to key: String) async throws {
        while true {
            let (entry, body) = try #require(try await read(key))
            let bytes = try await body.bytes(0..<body.size)
            if try await put(StorageBody(bytes + [1]), at: key, if: .unchanged(entry.version)) { return }
        }
    }
}
