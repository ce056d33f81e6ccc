import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A store's folder` {
    @Test func `of a newer version is refused with words`() throws {
        let scratch = try Scratch()
        _ = try Shelf(at: scratch["store"])
        try ModelMaker.write(["cake.store": Array("cake store 2\n".utf8)], to: scratch["store"])
        let failure = #expect(throws: CakeError.self) { try Shelf(at: scratch["store"]) }
        #expect(failure?.what.contains("version 2") == true && failure?.fix?.contains("newer cake") == true)
        #expect(failure?.kind == .failed)
    }

    @Test(arguments: [
        "", "cake store 1", "cake store 0\n", "cake store one\n", "hello", "cake store 1\ncake store 2\n",
    ])
    func `that does not say what it is is refused`(text: String) throws {
        let scratch = try Scratch()
        _ = try Shelf(at: scratch["store"])
        try ModelMaker.write(["cake.store": Array(text.utf8)], to: scratch["store"])
        let failure = #expect(throws: CakeError.self) { try Shelf(at: scratch["store"]) }
        #expect(failure?.kind == .damaged && failure?.fix != nil)
    }

    @Test func `with other things in it is left alone`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["objects/a": [], "thesis.tex": [1]], to: scratch["home"])
        let failure = #expect(throws: CakeError.self) { try Shelf(at: scratch["home"]) }
        #expect(failure?.what.contains("not a store") == true)
        #expect(try ModelMaker.read(scratch["home"]) == ["objects/a": [], "thesis.tex": [1]])
        #expect(throws: CakeError.self) { try Shelf(at: scratch["home/thesis.tex"]) }
    }

    @Test(arguments: Fault.allCases) func `is made whole by the next command, whichever call fails`(fault: Fault)
        async throws
    {
        try await onPool {
            try await countingFaults(fault) {
                try Scratch()
            } work: { scratch in
                try Shelf(at: scratch["store"])
            } check: { scratch, _, nth in
                let shelf = try Shelf(at: scratch["store"])
                #expect(try shelf.entries("objects").isEmpty)
                #expect(try Disk.names(in: scratch["store"] + "/objects").count == 256, "call \(nth)")
                if fault == .kill { try ageLeftovers(of: shelf.root) }
                try shelf.collect()
                if fault == .kill { #expect(try shelf.entries("incoming").isEmpty, "call \(nth)") }
            }
        }
    }

    @Test func `that cannot be written to still gives its models`() async throws {
        try await onPool {
            let bench = try Bench()
            let files = try ModelMaker.small()
            try await bench.bring(files, as: "m")
            for name in try bench.shelf.entries("index-2") { try Bend.remove(bench.root + "/index-2/" + name) }
            // As on a read-only disk: no call that would change something works.
            guard try ReadOnly.mount(bench.root) else { return }
            defer { ReadOnly.unmount(bench.root) }
            let shelf = try bench.other()
            #expect(!shelf.store.isWritable)
            #expect(try await shelf.files(of: "m") == files)
            #expect(try await shelf.damages().isEmpty)
            #expect(try shelf.names() == ["m"])
            let failure = #expect(throws: CakeError.self) { try Operation(shelf.store) }
            #expect(failure?.what.contains("is not writable") == true)
        }
    }
}
