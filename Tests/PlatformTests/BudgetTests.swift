import Platform
import Testing

@Suite struct `A budget` {
    @Test func `is shared by all, and one client has no more than its share`() throws {
        let budget = Budget(100, share: 60)
        let first = try #require(budget.take(50, for: "a"))
        #expect(budget.take(11, for: "a") == nil && !first.grow(by: 11))
        // What was refused has left nothing behind.
        #expect(budget.used == 50)
        #expect(first.grow(by: 10) && budget.used == 60)
        let second = try #require(budget.take(40, for: "b"))
        #expect(budget.take(1, for: "c") == nil && !second.grow(by: 1))
        #expect(budget.used == 100)
        withExtendedLifetime((first, second)) {}
    }

    @Test func `has back what its owners let go of`() throws {
        let budget = Budget(100, share: 60)
        do {
            let all = try #require(budget.take(60, for: "a"))
            #expect(budget.take(1, for: "a") == nil)
            all.shrink(to: 20)
            #expect(budget.used == 20)
            all.shrink(to: 30)
            #expect(budget.used == 20)
            #expect(budget.take(40, for: "a") != nil)
        }
        #expect(budget.used == 0)
        #expect(budget.take(60, for: "a") != nil)
    }

    @Test func `is exceeded by what is alone in it, where that is said`() throws {
        let budget = Budget(100, share: 100)
        #expect(budget.take(101) == nil)
        do {
            let large = try #require(budget.take(1000, evenIfLarge: true))
            #expect(budget.used == 1000)
            #expect(budget.take(1) == nil && budget.take(1, evenIfLarge: true) == nil)
            large.shrink(to: 90)
            #expect(budget.take(10) != nil)
        }
        #expect(budget.used == 0)
        let some = try #require(budget.take(1))
        #expect(budget.take(1000, evenIfLarge: true) == nil && budget.take(.max, evenIfLarge: true) == nil)
        withExtendedLifetime(some) {}
    }
}
