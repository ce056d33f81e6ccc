import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

/// Saving and loading, broken at every call, and a power cut in the middle.
@Suite struct `A bundle that something breaks` {
    private static let names = ["gone", "kept"]

    @Test(arguments: Fault.allCases) func `is whole under its name, or not there`(fault: Fault) async throws {
        try await onPool {
            let template = try await `A command that a call to the machine breaks`.template()
            let right = try Scratch()
            try await template.shelf.save(Self.names, to: right["b.tar"])
            let wanted = try Data(contentsOf: URL(filePath: right["b.tar"]))
            let states = States()
            try await countingFaults(fault, step: 3) {
                try `A command that a call to the machine breaks`.Subject(template)
            } work: { subject in
                try Disk.makeFolder(subject.root + "-out")
                try await Shelf(at: subject.root).save(Self.names, to: subject.root + "-out/b.tar")
            } check: { subject, reported, nth in
                let path = subject.root + "-out/b.tar"
                let found = try? Data(contentsOf: URL(filePath: path))
                #expect(found == nil || found == wanted, "call \(nth)")
                if reported != nil { #expect(found == wanted, "call \(nth)") }
                try await `A command that a call to the machine breaks`.expectWhole(
                    subject.root, Set(Self.names), nth: nth, states)
            }
        }
    }

    @Test(arguments: Fault.allCases, [false, true]) func `is loaded whole, or again`(fault: Fault, isPiped: Bool)
        async throws
    {
        try await onPool {
            let template = try await `A command that a call to the machine breaks`.template()
            let right = try Scratch()
            try await template.shelf.save(Self.names, to: right["b.tar"])
            let states = States()
            try await countingFaults(fault, step: 5) {
                try Scratch()
            } work: { scratch in
                let shelf = try Shelf(at: scratch["store"])
                _ =
                    isPiped
                    ? try await shelf.load(piped: [right["b.tar"]], step: 3000) : try await shelf.load(right["b.tar"])
            } check: { scratch, reported, nth in
                let shelf = try Shelf(at: scratch["store"])
                if reported != nil { #expect(try shelf.names() == Self.names, "call \(nth)") }
                guard try states.isNew(scratch["store"]) else { return }
                #expect(try await shelf.damages().isEmpty, "call \(nth)")
                try await shelf.load(right["b.tar"])
                for (name, files) in try [("gone", #require(Self.gone)), ("kept", #require(Self.kept))] {
                    #expect(try await shelf.files(of: name) == files, "call \(nth), \(name)")
                }
                try ageLeftovers(of: scratch["store"])
                try shelf.collect()
                #expect(try shelf.entries("incoming").isEmpty, "call \(nth) left something behind")
            }
        }
    }

    private static let gone = `A command that a call to the machine breaks`.gone
    private static let kept = `A command that a call to the machine breaks`.kept

    @Test func `leaves a store that loads it again, wherever the power was cut`() async throws {
        try await onPool {
            let source = try Bench()
            let (old, new) = (
                try ModelMaker.packed(changed: 0..<2, seed: 1), try ModelMaker.packed(changed: 0..<4, seed: 2)
            )
            try await source.bring(new, as: "new")
            let bundle = source.scratch["b.tar"]
            try await source.shelf.save(["new"], to: bundle)
            let bench = try Bench()
            try await bench.bring(old, as: "old")
            try await `A power cut at any moment`.cutting(bench, seed: SeededNumbers.freshSeed()) {
                let plan = try #require(FaultPlan.current)
                try await bench.shelf.load(bundle)
                return ["done": plan.events.count]
            } check: { _, left, event, marks in
                #expect(try await left.damages().isEmpty, "after event \(event)")
                let names = try left.names()
                if event >= marks["done"] ?? 0 { #expect(names == ["new", "old"], "after event \(event)") }
                for name in names { #expect(try await left.files(of: name) == (name == "old" ? old : new)) }
                try await left.load(bundle)
                #expect(try await left.files(of: "new") == new)
            }
        }
    }

    @Test(arguments: ["b.tar", "layout/"]) func `has no name after a power cut before it was whole`(path: String)
        async throws
    {
        try await onPool {
            let source = try Bench()
            let files = try ModelMaker.packed(changed: 0..<4, seed: 2)
            try await source.bring(files, as: "new")
            // The place that it is written to is followed; the store is not.
            let bench = try Bench()
            try await `A power cut at any moment`.cutting(bench, seed: SeededNumbers.freshSeed()) {
                let plan = try #require(FaultPlan.current)
                try await source.shelf.save(["new"], to: bench.root + "/" + path)
                return ["done": plan.events.count]
            } check: { root, left, event, marks in
                let place = root + "/" + path
                let mark = path == "b.tar" ? place : place + "index.json"
                guard try Disk.exists(mark) else {
                    #expect(event < marks["done"] ?? 0, "after event \(event)")
                    return
                }
                try await left.load(path == "b.tar" ? place : String(place.dropLast()))
                #expect(try await left.files(of: "new") == files, "after event \(event)")
            }
        }
    }
}
