import Foundation
import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

@Suite struct `A store below` {
    typealias Family = `A family of models`

    /// Every file with its time: unwritten files keep it.
    static func look(_ root: String) throws -> [String: Date] {
        var found: [String: Date] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
            found[path] =
                try FileManager.default.attributesOfItem(atPath: root + "/" + path)[.modificationDate] as? Date
        }
        return found
    }

    @Test func `counts as here, and is only read`() async throws {
        try await onPool {
            let bench = try Bench()
            let below = bench.scratch["below"]
            try await Shelf(at: below).bring(bench.folder(Family.member(0), "0"), as: "0")
            // Not even an index is made there again.
            for name in try FileManager.default.contentsOfDirectory(atPath: below + "/index-2") {
                try Bend.remove(below + "/index-2/" + name)
            }
            let before = try Self.look(below)
            func shelf() throws -> Shelf { try Shelf(at: bench.root, lower: [below]) }
            #expect(try await shelf().files(of: "0") == Family.member(0))
            #expect(try shelf().store.allNames().map(\.place) == [below])
            try await shelf().bring(bench.scratch["folder-0"], as: "copy")
            #expect(try shelf().entries("objects").isEmpty && shelf().entries("packs").isEmpty)
            #expect(try await shelf().files(of: "copy") == Family.member(0))
            let usage = try Usage(of: shelf().store)
            #expect(usage.atRest == 0 && usage.below == usage.distinct && usage.below > 0)
            // A base lies in the same store as its deltas.
            try await shelf().bring(bench.folder(Family.member(1), "1"), as: "1")
            _ = try await Family.optimize(shelf())
            #expect(try BaseUses(of: shelf().store).all.isEmpty)
            try shelf().collect()
            #expect(try await shelf().files(of: "1") == Family.member(1))
            #expect(try await shelf().damages().isEmpty)
            #expect(throws: CakeError.self) { try shelf().remove("0") }
            #expect(try Self.look(below) == before)
        }
    }

    @Test func `has to be there`() throws {
        let bench = try Bench()
        #expect(throws: CakeError.self) { try Shelf(at: bench.root, lower: [bench.scratch["nowhere"]]) }
    }
}
