import Foundation
import Model
import Platform
import Support
import Testing

@testable import Storage

extension FolderStorage {
    static func test(in scratch: Scratch, secrets: Set<String> = []) throws -> FolderStorage {
        for folder in ["keys", "keys/aside", "locks"] { try Disk.makeFolder(scratch[folder]) }
        return FolderStorage(
            in: scratch["keys"], aside: scratch["keys/aside"], lock: scratch["locks/storage"], secrets: secrets)
    }
}

@Suite struct `A storage in a folder` {
    @Test func `leaves a file under the path of its key, and nothing beside`() throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch)
        try storage.put(StorageBody([1, 2]), at: "a/b")
        #expect(try storage.put(StorageBody([3]), at: "a/b", if: .absent) == false)
        #expect(try Disk.read(scratch["keys/a/b"], limit: 10) == [1, 2])
        #expect(try Disk.names(in: scratch["keys/aside"]).isEmpty)
    }

    @Test func `reads a value to its end when it is replaced and removed meanwhile`() async throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch)
        try storage.put(StorageBody([7, 7, 7]), at: "a")
        let body = try #require(try storage.read("a")).body
        try storage.put(StorageBody([8, 8, 8]), at: "a")
        try storage.remove("a")
        #expect(try await body.bytes(0..<3) == [7, 7, 7])
    }

    @Test func `takes a given file as it is, when the condition holds`() throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch)
        let path = scratch["given"]
        let file = try File(path, .create)
        try file.write([1, 2, 3].span, at: 0)
        try storage.put(StorageBody([9]), at: "a")
        #expect(try storage.put(StorageBody(giving: file), at: "a", if: .absent) == false)
        #expect(try Disk.exists(path) && storage.bytes(at: "a", limit: 9) == [9])
        #expect(try storage.put(StorageBody(giving: file), at: "a"))
        #expect(try !Disk.exists(path) && Disk.status(scratch["keys/a"])?.inode == file.status().inode)
    }

    @Test func `lets its owner alone read a secret`() throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch, secrets: ["tokens"])
        try storage.put(StorageBody([1]), at: "tokens")
        try storage.put(StorageBody([1]), at: "other")
        func mode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: scratch["keys/" + name])[.posixPermissions] as? Int
        }
        #expect(try mode("tokens") == 0o600 && mode("other") != 0o600)
    }

    @Test func `syncs a file before it has its name, and the folder before it says so`() throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch)
        let plan = FaultPlan.recorder()
        _ = try FaultPlan.$current.withValue(plan) { try storage.put(StorageBody([1]), at: "a/b") }
        var new: String?
        let renamed = try #require(
            plan.events.firstIndex { event in
                guard case .renamed(let from, scratch["keys/a/b"]) = event else { return false }
                new = from
                return true
            })
        #expect(plan.events[..<renamed].contains(.synced(try #require(new))))
        #expect(plan.events[..<renamed].contains(.syncedFolder(scratch["keys"])))
        #expect(plan.events[renamed...].contains(.syncedFolder(scratch["keys/a"])))
    }

    @Test func `keeps what was there when the disk fails at any call`() throws {
        var failed = 0
        for number in 1... {
            let scratch = try Scratch()
            let storage = try FolderStorage.test(in: scratch)
            try storage.put(StorageBody([1]), at: "a")
            let plan = FaultPlan(failing: number, .diesThere)
            let error = FaultPlan.$current.withValue(plan) { () -> CakeError? in
                do {
                    try storage.put(StorageBody([2]), at: "a")
                    return nil
                } catch { return error as? CakeError }
            }
            guard error != nil else { break }
            failed += 1
            let left = try #require(try storage.bytes(at: "a", limit: 9))
            #expect(left == [1] || left == [2])
            #expect(try Disk.names(in: scratch["keys/aside"]).count <= 1)
        }
        #expect(failed > 4)
    }

    @Test func `makes a mark young again`() throws {
        let scratch = try Scratch()
        let storage = try FolderStorage.test(in: scratch)
        try storage.mark(["a"])
        try Bend.age(scratch["keys/a"], seconds: 7200)
        let old = try #require(try storage.look(at: "a")).time
        try storage.mark(["a"])
        #expect(try #require(try storage.look(at: "a")).time >= old + 7100)
    }
}
