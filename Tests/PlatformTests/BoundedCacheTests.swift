import Platform
import Support
import Testing

@Suite struct `A bounded cache` {
    private func keys<Value>(of cache: BoundedCache<Int, Value>) -> [Int] {
        cache.all().map(\.key).sorted()
    }

    @Test func `drops what was used longest ago`() {
        let cache = BoundedCache<Int, String>(room: 3)
        for key in 1...3 { cache[key] = "\(key)" }
        #expect(cache[1] == "1")
        cache[4] = "4"
        #expect(keys(of: cache) == [1, 3, 4] && cache[2] == nil)
        // Writing is a use, looking at all is none.
        cache[3] = "three"
        #expect(cache.all().count == 3)
        cache[5] = "5"
        #expect(keys(of: cache) == [3, 4, 5] && cache[3] == "three")
    }

    @Test func `counts what its values cost, and keeps the last whatever it costs`() {
        let cache = BoundedCache<Int, [UInt8]>(room: 10) { $0.count }
        cache[1] = [UInt8](repeating: 0, count: 4)
        cache[2] = [UInt8](repeating: 0, count: 6)
        #expect(keys(of: cache) == [1, 2])
        // In place of another its cost replaces the other's.
        cache[1] = [0]
        cache[3] = [0, 0, 0]
        #expect(keys(of: cache) == [1, 2, 3])
        cache[4] = [UInt8](repeating: 0, count: 50)
        #expect(keys(of: cache) == [4])
        cache[5] = [0]
        #expect(keys(of: cache) == [5])
    }

    @Test func `makes a value once, and forgets it when told to`() throws {
        let cache = BoundedCache<Int, Int?>(room: 3)
        var made = 0
        for _ in 0..<3 {
            let value = cache.value(for: 7) {
                made += 1
                return nil
            }
            #expect(value == nil)
        }
        #expect(made == 1 && cache[7] == .some(nil))
        cache[7] = nil
        #expect(cache[7] == nil)
        for key in 0..<3 { cache[key] = key }
        cache.removeAll { key, _ in key != 1 }
        #expect(keys(of: cache) == [1])
        cache.removeAll()
        #expect(cache.all().isEmpty)
    }

    @Test func `does as a list that is searched from end to end`() {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        let cache = BoundedCache<Int, Int>(room: 40) { $0 }
        var list: [(key: Int, value: Int)] = []
        for _ in 0..<20_000 {
            let key = Int.random(in: 0..<30, using: &numbers)
            let place = list.firstIndex { $0.key == key }
            switch Int.random(in: 0..<8, using: &numbers) {
            case 0:
                cache[key] = nil
                if let place { list.remove(at: place) }
            case 1, 2:
                let value = Int.random(in: 0...12, using: &numbers)
                cache[key] = value
                if let place { list.remove(at: place) }
                list.append((key, value))
                while list.reduce(0, { $0 + $1.value }) > 40, list.count > 1 { list.removeFirst() }
            default:
                #expect(cache[key] == place.map { list[$0].value }, "seed \(seed)")
                if let place { list.append(list.remove(at: place)) }
            }
        }
        #expect(keys(of: cache) == list.map(\.key).sorted(), "seed \(seed)")
    }
}
