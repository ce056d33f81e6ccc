import Model
import Platform
import Store
import Support
import Testing

@Suite struct `An import that a call to the machine breaks` {
    /// A store that holds one model, and the folder of another that shares a layer with it.
    struct Subject {
        let scratch: Scratch
        let files: ModelMaker.Files
        let before: ModelMaker.Files

        init(_ template: Scratch) throws {
            scratch = try Scratch()
            try Bend.copy(template["store"], to: scratch["store"])
            try Bend.copy(template["new"], to: scratch["new"])
            files = try ModelMaker.read(template["new"])
            before = try ModelMaker.read(template["old"])
        }

        var root: String { scratch["store"] }
    }

    static func template() async throws -> Scratch {
        let scratch = try Scratch()
        try ModelMaker.write(ModelMaker.packed(changed: 0..<1, seed: 1), to: scratch["old"])
        try ModelMaker.write(ModelMaker.small(seed: 3), to: scratch["new"])
        try await Shelf(at: scratch["store"]).bring(scratch["old"], as: "old")
        return scratch
    }

    @Test(arguments: Fault.allCases) func `leaves a store in which all that was stored is whole`(fault: Fault)
        async throws
    {
        try await onPool {
            let template = try await Self.template()
            try await countingFaults(fault) {
                try Subject(template)
            } work: { subject in
                try await Shelf(at: subject.root).bring(subject.scratch["new"], as: "new")
            } check: { subject, reported, nth in
                let shelf = try Shelf(at: subject.root)
                let damages = try await shelf.damages()
                #expect(damages.isEmpty, "call \(nth): \(damages)")
                let names = try shelf.names()
                if reported != nil { #expect(names == ["new", "old"]) }
                #expect(names.contains("old"), "call \(nth) lost a name")
                for name in names {
                    let files = try await shelf.files(of: name)
                    #expect(files == (name == "old" ? subject.before : subject.files), "call \(nth) changed \(name)")
                }
                try await shelf.bring(subject.scratch["new"], as: "new")
                #expect(try await shelf.files(of: "new") == subject.files, "call \(nth)")
                try ageLeftovers(of: subject.root)
                try shelf.collect()
                #expect(try shelf.entries("incoming").isEmpty, "call \(nth) left something behind")
                #expect(try await Shelf(at: subject.root).files(of: "new") == subject.files, "call \(nth)")
            }
        }
    }
}
