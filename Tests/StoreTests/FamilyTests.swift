import Model
import Platform
import Support
import Testing
import Transfer

@testable import Store

/// `cake optimize` on a base and its tunes that came in another order.
@Suite struct `A base that came after its tunes` {
    private typealias Members = `A family of models`

    enum Order: String, CaseIterable, Sendable {
        case first, middle, last

        /// The members of a family of so many tunes, as they come: 0 is the base.
        func numbers(_ tunes: UInt64) -> [UInt64] {
            var numbers = Array(1...tunes)
            let place: Int
            switch self {
            case .first: place = 0
            case .middle: place = numbers.count / 2
            case .last: place = numbers.count
            }
            numbers.insert(0, at: place)
            return numbers
        }
    }

    private static func bring(_ numbers: [UInt64], _ bench: Bench, bases: Import.Bases = .found) async throws {
        for number in numbers {
            try await bench.shelf.bring(
                bench.folder(files(number), "\(number)"), as: "\(number)", bases: bases)
        }
    }

    private static func files(_ number: UInt64) -> ModelMaker.Files { allFiles[Int(number)] }

    private static let allFiles = (UInt64(0)...4).map { number in
        func weights(_ count: Int, seed: UInt64) -> [UInt8] {
            let base = seededWeights(count, seed: seed)
            guard number > 0 else { return bf16(base) }
            return bf16(zip(base, seededWeights(count, seed: seed + 100 * number)).map { $0 + $1 / 300 })
        }
        func part(_ name: String, _ bytes: [UInt8]) -> ModelMaker.Part {
            ModelMaker.Part(Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(bytes.count / 2)]), bytes)
        }
        let parts =
            [part("embed", weights(530_000, seed: 1)), part("shared", bf16(seededWeights(5000, seed: 2)))]
            + (0..<3).map { part("layers.\($0)", weights(20_000, seed: 10 + $0)) }
        return ["model.safetensors": (try? ModelMaker.safetensors(parts)) ?? []]
    }

    private static func bytes(_ bench: Bench) throws -> UInt64 { try bench.other().store.remains().objects }

    private static func expectRight(_ bench: Bench, _ numbers: [UInt64]) async throws {
        for number in numbers {
            #expect(try await bench.other().files(of: "\(number)") == files(number), "member \(number)")
        }
        #expect(try await bench.other().damages().isEmpty)
        let store = try bench.other().store
        let uses = try BaseUses(of: store)
        for base in uses.all { #expect(uses.bases(of: base).isEmpty) }
    }

    @Test(arguments: [UInt64(1), 2, 4], Order.allCases)
    func `is made the base of all, so that the family takes no more than in the best order`(
        tunes: UInt64, order: Order
    ) async throws {
        try await onPool {
            let best = try Bench()
            try await Self.bring(Order.first.numbers(tunes), best)
            _ = try await Members.optimize(best.other())
            for bases in [Import.Bases.found, .none] {
                let bench = try Bench()
                let numbers = order.numbers(tunes)
                try await Self.bring(numbers, bench, bases: bases)
                let before = try Self.bytes(bench)
                let promised = try await Members.optimize(bench.other(), isDryRun: true)
                #expect(try Self.bytes(bench) == before)
                let done = try await Members.optimize(bench.other())
                #expect(done.recoded == promised.recoded && done.newBases == promised.newBases)
                #expect(done.before == promised.before && done.after == promised.after && done.damaged == 0)
                #expect(try Double(Self.bytes(bench)) <= Double(Self.bytes(best)) * 1.01)
                if tunes > 1 { #expect(try Members.deltas(of: "0", in: bench) == 0) }
                let after = try Self.bytes(bench)
                let again = try await Members.optimize(bench.other())
                #expect(again.recoded == 0 && again.newBases == 0)
                #expect(try Self.bytes(bench) == after)
                // Nothing that was replaced is left to be collected.
                #expect(try bench.other().collect().layers == 0)
                try await Self.expectRight(bench, numbers)
            }
        }
    }

    @Test func `is found from one of the tunes, too`() async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.bring([1, 2, 0], bench)
            let done = try await Members.optimize(bench.other(), "2")
            #expect(done.newBases == 4 && done.recoded == 12 && done.layers >= done.recoded)
            #expect(try Members.deltas(of: "0", in: bench) == 0)
            try await Self.expectRight(bench, [0, 1, 2])
        }
    }

    @Test func `is no base of models that others may have, when its Hub shows it to some alone`() async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.bring([1, 2, 0], bench)
            let store = try bench.other().store
            let record = try #require(try store.record(of: ModelName("0")))
            try store.update(ModelName("0"), in: Operation(store)) { _ in
                var closed = record
                closed.mark = .mirroredClosed
                return closed
            }
            let done = try await Members.optimize(bench.other())
            #expect(done.newBases == 0)
            #expect(try Members.deltas(of: "0", in: bench) == 4 && Members.deltas(of: "1", in: bench) == 0)
        }
    }

    @Test func `stays as it is beside a tune that was removed and is still needed`() async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.bring([1, 2, 0], bench)
            try bench.shelf.remove("1")
            try bench.other().collect()
            #expect(try await Members.optimize(bench.other()).newBases == 0)
            try await Self.expectRight(bench, [0, 2])
        }
    }

    @Test(arguments: Fault.allCases)
    func `can be read, and can be made the base of all the next time, whichever call fails`(fault: Fault) async throws {
        try await onPool {
            func small(_ number: UInt64) throws -> ModelMaker.Files {
                let base = seededWeights(3000, seed: 5)
                let weights = zip(base, seededWeights(3000, seed: 6 + number)).map {
                    $0 + $1 / 300 * Float(min(number, 1))
                }
                let tensor = Tensor(name: "layers.0", dtype: .bf16, shape: [3000])
                return ["model.safetensors": try ModelMaker.safetensors([.init(tensor, bf16(weights))])]
            }
            let template = try Bench()
            for number in [UInt64(1), 2, 3, 0] {
                try await template.shelf.bring(template.folder(small(number), "\(number)"), as: "\(number)")
            }
            let whole = try Members.Subject(template)
            #expect(try await Members.optimize(Shelf(at: whole.root)).newBases == 1)
            let best = try Shelf(at: whole.root).store.remains().objects
            let states = States()
            try await countingFaults(fault, step: 7) {
                try Members.Subject(template)
            } work: { subject in
                try await Members.optimize(Shelf(at: subject.root))
            } check: { subject, _, nth in
                guard try states.isNew(subject.root) else { return }
                for number in UInt64(0)..<4 {
                    #expect(try await Shelf(at: subject.root).files(of: "\(number)") == small(number), "call \(nth)")
                }
                let uses = try BaseUses(of: Shelf(at: subject.root).store)
                for base in uses.all { #expect(uses.bases(of: base).isEmpty, "call \(nth)") }
                _ = try await Members.optimize(Shelf(at: subject.root))
                try ageLeftovers(of: subject.root)
                try Shelf(at: subject.root).collect()
                let shelf = try Shelf(at: subject.root)
                #expect(try shelf.store.remains().objects <= best * 101 / 100, "call \(nth)")
                #expect(try await shelf.damages().isEmpty, "call \(nth)")
                for number in UInt64(0)..<4 { #expect(try await shelf.files(of: "\(number)") == small(number)) }
            }
        }
    }
}

@Suite struct `The plan of a family` {
    /// Where tunes lie around their bases: `bases[n]` is the base of member n, its own number for a base.
    private func plan(_ bases: [Int], now: [Int?], _ change: (inout FamilyPlan.Member, Int) -> Void = { _, _ in })
        -> [Int?]?
    {
        var members = now.map { FamilyPlan.Member(base: $0) }
        for index in members.indices { change(&members[index], index) }
        var plan = FamilyPlan(members)
        plan.alone = Array(repeating: 100, count: bases.count)
        for one in bases.indices {
            plan.beside[one] = bases.indices.map { other in
                guard bases[one] == bases[other] else { return 99 }
                return bases[one] == one || bases[other] == other ? 40 : 55
            }
        }
        return plan.better()
    }

    @Test func `puts the base into the middle, wherever it came`() {
        #expect(plan([0, 0, 0, 0], now: [1, nil, 1, 1]) == [nil, 0, 0, 0])
        #expect(plan([0, 0, 0, 0], now: [nil, nil, nil, nil]) == [nil, 0, 0, 0])
        #expect(plan([0, 0, 0, 0], now: [1, nil, nil, 2]) == [nil, 0, 0, 0])
    }

    @Test func `keeps what is right, and what gains too little`() {
        #expect(plan([0, 0, 0, 0], now: [nil, 0, 0, 0]) == nil)
        #expect(plan([0, 0], now: [1, nil]) == nil)
        #expect(plan([0, 1, 2], now: [nil, nil, nil]) == nil)
    }

    @Test func `tells two families of the same shapes apart`() {
        #expect(plan([0, 0, 0, 3, 3, 3], now: [1, nil, 1, 4, nil, 4]) == [nil, 0, 0, nil, 3, 3])
    }

    @Test func `makes no base of a layer that may not be one`() {
        #expect(plan([0, 0, 0, 0], now: [1, nil, 1, 1]) { if $1 == 0 { $0.mayBeBase = false } } == nil)
        #expect(plan([0, 0, 0, 0], now: [1, nil, 1, 1]) { if $1 == 0 { $0.isOpen = false } } == nil)
        #expect(plan([0, 0, 0], now: [1, nil, 1]) { member, _ in member.isOpen = false } == [nil, 0, 0])
        #expect(plan([0, 0, 0, 0], now: [1, nil, 1, 1]) { if $1 == 1 { $0.staysPlain = true } } == nil)
    }

    @Test func `prefers a base that its model does not call a tune`() {
        #expect(plan([0, 0], now: [nil, nil]) { if $1 == 0 { $0.isTune = true } } == [1, nil])
        #expect(plan([0, 0], now: [nil, nil]) { if $1 == 1 { $0.isTune = true } } == [nil, 0])
    }
}
