import Model
import Platform
import Support
import Testing

@Suite struct `A file` {
    @Test func `gives back what was written where it was written`() throws {
        let scratch = try Scratch()
        let file = try File(scratch["a"], .create)
        let (late, early): ([UInt8], [UInt8]) = ([9, 9], [1, 2, 3])
        try file.write(late.span, at: 10)
        try file.write(early.span, at: 0)
        #expect(try file.size() == 12)
        #expect(try file.bytes(at: 0, count: 12) == [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 9, 9])
        #expect(try File(scratch["a"], .read).bytes(at: 1, count: 2) == [2, 3])
        try file.sync()
        var room = [UInt8](repeating: 7, count: 5)
        var span = room.mutableSpan
        #expect(try file.read(into: &span, at: 9) == 3)
        #expect(room == [0, 9, 9, 7, 7])
    }

    @Test func `that ends early is damaged, and offsets that cannot be are refused`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["a": [1, 2, 3]], to: scratch.path)
        let file = try File(scratch["a"], .read)
        for offset: UInt64 in [1, 3, 100, UInt64(Int64.max), .max] {
            let failure = #expect(throws: CakeError.self) { try file.bytes(at: offset, count: 3) }
            #expect(failure?.kind == .damaged)
        }
        let chunk = Chunk(capacity: 8)
        #expect(throws: CakeError.self) { try file.fill(chunk, from: 2, count: 2) }
        try file.fill(chunk, from: 1, count: 2)
        #expect(chunk.holds([2, 3].span) && !chunk.holds([2, 4].span) && !chunk.holds([2].span))
    }

    @Test func `is created once, and is missing with words`() throws {
        let scratch = try Scratch()
        _ = try File(scratch["a"], .create)
        #expect(throws: CakeError.self) { try File(scratch["a"], .create) }
        let failure = #expect(throws: CakeError.self) { try File(scratch["b\u{1b}"], .read) }
        #expect(failure?.kind == .notFound && failure?.what.contains("b\\u{1b}") == true)
        _ = try File(scratch["c"], .readWriteOrCreate)
        _ = try File(scratch["c"], .readWriteOrCreate)
        try Bend.link(scratch["link"], to: scratch["a"])
        _ = try File(scratch["link"], .read)
        #expect(throws: CakeError.self) { try File(scratch["link"], .read, followingLinks: false) }
    }

    @Test func `is locked by one or shared by many`() throws {
        let scratch = try Scratch()
        let (one, two) = (try File(scratch["l"], .readWriteOrCreate), try File(scratch["l"], .readWriteOrCreate))
        #expect(try one.lock(exclusive: true, waiting: false))
        #expect(try !two.lock(exclusive: true, waiting: false))
        #expect(try !two.lock(exclusive: false, waiting: false))
        one.unlock()
        #expect(try two.lock(exclusive: false, waiting: false))
        #expect(try one.lock(exclusive: false, waiting: false))
        #expect(try !one.lock(exclusive: true, waiting: false))
        var third: File? = try File(scratch["l"], .read)
        #expect(try third?.lock(exclusive: false, waiting: false) == true)
        one.unlock()
        two.unlock()
        #expect(try !one.lock(exclusive: true, waiting: false))
        // Releasing the file releases the lock.
        third = nil
        #expect(try one.lock(exclusive: true, waiting: false))
    }

    @Test func `without bytes is mapped, and one with some`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["empty": [], "some": [1, 2, 3]], to: scratch.path)
        let empty = try MappedFile(scratch["empty"])
        #expect(empty.count == 0 && empty.withBytes { $0.count } == 0)
        #expect(try MappedFile(scratch["some"]).withBytes { $0[2] } == 3)
        #expect(throws: CakeError.self) { try MappedFile(scratch["none"]) }
    }

    @Test func `fails at the call it is told to`() throws {
        let scratch = try Scratch()
        let plan = FaultPlan(failing: 2, .failsOnce(errno: 28))
        try FaultPlan.$current.withValue(plan) {
            let file = try File(scratch["a"], .create)
            let failure = #expect(throws: CakeError.self) { try file.write([1].span, at: 0) }
            #expect(failure?.kind == .diskFull && failure?.fix != nil)
            try file.write([1].span, at: 0)
        }
        #expect(plan.hasFired && plan.calls == 3)
        let death = FaultPlan(failing: 1, .diesThere)
        FaultPlan.$current.withValue(death) {
            for _ in 0..<3 { #expect(throws: CakeError.self) { try Disk.names(in: scratch.path) } }
        }
    }
}

@Suite struct `A folder` {
    @Test func `is listed in the order of its bytes`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(
            ["b": [], "a": [], "B": [], ".hidden": [], "é": [], "a/b".replacing("/", with: "-"): []], to: scratch.path)
        #expect(try Disk.names(in: scratch.path) == [".hidden", "B", "a", "a-b", "b", "é"])
        let failure = #expect(throws: CakeError.self) { try Disk.names(in: scratch["none"]) }
        #expect(failure?.kind == .notFound)
    }

    @Test func `is made with all above it, and making it again is fine`() throws {
        let scratch = try Scratch()
        try Disk.makeFolders(scratch["a/b/c"])
        try Disk.makeFolders(scratch["a/b/c"])
        #expect(try Disk.status(scratch["a/b/c"])?.kind == .folder)
        try ModelMaker.write(["f": []], to: scratch.path)
        #expect(throws: CakeError.self) { try Disk.makeFolder(scratch["f"]) }
        #expect(throws: CakeError.self) { try Disk.makeFolders(scratch["f/g"]) }
        let unique = try (0..<5).map { _ in try Disk.makeUniqueFolder(in: scratch.path, prefix: "u-") }
        #expect(Set(unique).count == 5)
    }

    @Test func `is removed with all that is in it, and links are not followed`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["keep/x": [1], "go/deep/er/y": [2]], to: scratch.path)
        try Bend.link(scratch["go/link"], to: scratch["keep"])
        try Bend.link(scratch["go/deep/file"], to: scratch["keep/x"])
        try Bend.link(scratch["go/dangling"], to: "/nowhere")
        try Disk.removeTree(scratch["go"])
        #expect(try ModelMaker.read(scratch.path) == ["keep/x": [1]])
        #expect(try Disk.names(in: scratch.path) == ["keep"])
        try Disk.removeTree(scratch["go"])
        try Bend.link(scratch["link"], to: scratch["keep"])
        try Disk.removeTree(scratch["link"])
        #expect(try ModelMaker.read(scratch.path) == ["keep/x": [1]])
    }

    @Test func `has files that are renamed over others`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["a": [1], "b": [2]], to: scratch.path)
        try Disk.rename(scratch["a"], to: scratch["b"])
        #expect(try ModelMaker.read(scratch.path) == ["b": [1]])
        #expect(throws: CakeError.self) { try Disk.rename(scratch["a"], to: scratch["b"]) }
        try Disk.remove(scratch["b"])
        try Disk.remove(scratch["b"])
        try Disk.syncFolder(scratch.path)
        try Disk.syncAll(scratch.path)
    }

    @Test func `has files that are read whole up to a limit`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["a": [1, 2, 3]], to: scratch.path)
        #expect(try Disk.read(scratch["a"], limit: 3) == [1, 2, 3])
        #expect(throws: CakeError.self) { try Disk.read(scratch["a"], limit: 2) }
    }

    @Test func `has paths that are taken apart by their spelling`() throws {
        #expect(Disk.parent(of: "/a/b") == "/a" && Disk.parent(of: "/a") == "/" && Disk.parent(of: "a") == ".")
        #expect(Disk.lastPart(of: "/a/b/") == "b" && Disk.lastPart(of: "a") == "a")
        #expect(Disk.join("/", "a") == "/a" && Disk.join("/a", "b") == "/a/b")
    }
}

@Suite struct `What a file system says of a file` {
    @Test func `tells a file from another that took its name`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/file"
        try File(path, .create).write([1, 2, 3].span, at: 0)
        let before = try #require(try Disk.status(path))
        #expect(try #require(try Disk.status(path)).isUnchanged(since: before))
        try File(path + ".new", .create).write([4, 5, 6].span, at: 0)
        try Disk.rename(path + ".new", to: path)
        #expect(try !#require(try Disk.status(path)).isUnchanged(since: before))
    }
}
