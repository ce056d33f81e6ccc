import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Synchronization
import Testing

@Suite struct `A collection on a schedule` {
    private final class Reports: Sendable {
        let all = Mutex<[RegistryServer.Collection]>([])
        var count: Int { all.withLock { $0.count } }
    }

    private let scratch: Scratch
    private let reports = Reports()

    init() throws {
        scratch = try Scratch()
        let open = try Stage(scratch)
        // No manifest names it, and its mark is older than the grace.
        let name = try open.push([1, 2, 3])
        let old = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1)]
        try FileManager.default.setAttributes(
            old, ofItemAtPath: scratch["store/registry/repositories/a+b/blobs/\(name.hex)"])
    }

    private func stage() throws -> Stage {
        try Stage(scratch) { [reports] settings in
            settings.collectionInterval = .seconds(3600)
            settings.onCollection = { report in reports.all.withLock { $0.append(report) } }
        }
    }

    private func setMark(toAgo seconds: Double) throws {
        let path = scratch["store/registry/collected"]
        try Data().write(to: URL(filePath: path))
        let time = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -seconds)]
        try FileManager.default.setAttributes(time, ofItemAtPath: path)
    }

    /// The time of the last collection is another than it was set to.
    private var isMarked: Bool {
        get throws {
            let path = scratch["store/registry/collected"]
            let time = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
            return try #require(time) > Date(timeIntervalSinceNow: -3000)
        }
    }

    private var blobs: [String] {
        get throws {
            try FileManager.default.subpathsOfDirectory(atPath: scratch["store/registry/blobs"]).filter {
                $0.contains("/")
            }
        }
    }

    @Test func `runs when its time has come, once for all servers of the store, and is counted`() async throws {
        try setMark(toAgo: 3700)
        let stages = [try stage(), try stage()]
        try waits(until: "a server has collected") { reports.count > 0 }
        for stage in stages { await stage.server.settle() }
        #expect(try blobs.isEmpty)
        let report = try #require(reports.all.withLock { $0.first })
        #expect(try isMarked)
        #expect(report.blobs == 1 && report.bytes == 4096 && report.failure == nil && reports.count == 1)
        let metrics = try stages.map { try $0.ask("GET", "/metrics").text }
        #expect(
            metrics.count { $0.contains("cake_gc_runs_total 1\n") && $0.contains("cake_gc_freed_bytes_total 4096\n") }
                == 1)
        #expect(
            metrics.count { $0.contains("cake_gc_runs_total 0\n") && $0.contains("cake_gc_failures_total 0\n") } == 1)
    }

    @Test func `counts its time from the start of the first server, and not from each start`() async throws {
        for _ in 0..<2 {
            let stage = try stage()
            try waits(until: "the server has looked") {
                FileManager.default.fileExists(atPath: scratch["store/registry/collected"])
            }
            await stage.server.settle()
        }
        #expect(try reports.count == 0 && blobs.count == 1)
        try setMark(toAgo: 3590)
        await (try stage()).server.settle()
        #expect(try reports.count == 0 && blobs.count == 1)
    }

    @Test func `leaves what a running command needs, and what is younger than the grace`() async throws {
        let young = try Stage(scratch).push([4, 5, 6])
        try setMark(toAgo: 3700)
        let stage = try stage()
        try waits(until: "the server has collected") { reports.count > 0 }
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(young)").body == [4, 5, 6])
    }

    @Test func `says why it failed, and waits for its next time`() async throws {
        let place = scratch["store/registry/repositories/a+b/manifests"]
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try Data("no manifest".utf8).write(to: URL(filePath: place + "/sha256-" + String(repeating: "0", count: 64)))
        try setMark(toAgo: 3700)
        let stage = try stage()
        try waits(until: "the server has tried") { reports.count > 0 }
        await stage.server.settle()
        #expect(reports.all.withLock { $0.first?.failure } != nil)
        #expect(try isMarked)
        #expect(try stage.ask("GET", "/metrics").text.contains("cake_gc_failures_total 1\n"))
        #expect(try blobs.count == 1)
    }
}
