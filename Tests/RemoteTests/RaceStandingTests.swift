import Testing

@testable import Remote

@Suite struct `Mirrors that are raced` {
    @Test func `are all asked at first, and then the one that answered, and now and then the others`() {
        var race = RaceStanding(count: 3)
        #expect(race.asked(among: [0, 1, 2]) == [0, 1, 2])
        race.answered(1, among: [0, 1, 2])
        race.brought(1, bytesPerSecond: 1e8)
        for _ in 1..<RaceStanding.runsBetween { #expect(race.asked(among: [0, 1, 2]) == [1]) }
        #expect(race.asked(among: [0, 1, 2]) == [0, 2])
        #expect(race.asked(among: [0, 1, 2]) == [1])
        #expect(race.asked(among: [0, 2]) == [0, 2], "the one that led is away")
        race.answered(2, among: [0, 2])
        #expect(race.asked(among: [0, 1, 2]) == [2])
    }

    @Test func `are led by the one that brings most`() {
        var race = RaceStanding(count: 2)
        race.answered(0, among: [0, 1])
        race.brought(0, bytesPerSecond: 6e6)
        #expect(race.asked(among: [0, 1]) == [0])
        race.brought(1, bytesPerSecond: 9e6)
        #expect(race.asked(among: [0, 1]) == [1])
        race.brought(1, bytesPerSecond: 5e6)
        #expect(race.asked(among: [0, 1]) == [0])
    }

    @Test func `have others tried where the one that leads is slow`() {
        var race = RaceStanding(count: 2)
        race.answered(0, among: [0, 1])
        race.brought(0, bytesPerSecond: 1e6)
        #expect(race.asked(among: [0, 1]) == [1])
        race.brought(1, bytesPerSecond: 5e5)
        #expect(race.asked(among: [0, 1]) == [0])
    }

    @Test func `are left in a run where another brings four times as much`() {
        var race = RaceStanding(count: 2)
        race.brought(1, bytesPerSecond: 4e7)
        #expect(race.isOutrun(0, at: 9e6, among: [0, 1]))
        #expect(!race.isOutrun(0, at: 11e6, among: [0, 1]))
        #expect(!race.isOutrun(0, at: 9e6, among: [0]), "there is no other")
        #expect(!race.isOutrun(1, at: 5e6, among: [0, 1]))
    }
}
