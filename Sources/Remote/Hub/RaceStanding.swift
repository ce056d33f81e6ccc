/// Which of several raced mirrors is asked next: by their rates so far, with a new race now and then. Pure: no network,
/// no clock.
struct RaceStanding: Sendable {
    /// So many runs go to the one that leads, before the others are tried again.
    static let runsBetween = 16
    /// The assumed bytes a second of a mirror that has brought nothing yet: enough for a try when the leader is slow.
    static let usualHope = 4.0 * 1024 * 1024
    /// A run moves to another mirror when its rate is below this share of that one's.
    private static let least = 0.25

    /// Bytes of each in a second of waiting; nil if it was not tried.
    private var rates: [Double?]
    private let hope: Double
    private var leader: Int?
    private var runs = 0

    init(count: Int, hoping hope: Double = usualHope) {
        rates = Array(repeating: nil, count: count)
        self.hope = hope
    }

    /// The mirrors that are asked at once for the next run.
    mutating func asked(among healthy: [Int]) -> [Int] {
        guard let leader, healthy.contains(leader) else { return healthy }
        let others = healthy.filter { $0 != leader }
        guard !others.isEmpty else { return [leader] }
        runs += 1
        if runs >= RaceStanding.runsBetween {
            runs = 0
            return others
        }
        let better = rates[leader].map { rate in others.filter { speed(of: $0) > rate } } ?? []
        return better.isEmpty ? [leader] : better
    }

    /// It was the first that answered.
    mutating func answered(_ number: Int, among healthy: [Int]) {
        guard leader.map({ !healthy.contains($0) }) ?? true else { return }
        (leader, runs) = (number, 0)
    }

    /// Its rate was this: the fastest leads.
    mutating func brought(_ number: Int, bytesPerSecond: Double) {
        rates[number] = bytesPerSecond
        guard let best = rates.indices.max(by: { rates[$0] ?? 0 < rates[$1] ?? 0 }), best != leader,
            leader.flatMap({ rates[$0] }) != nil
        else { return }
        (leader, runs) = (best, 0)
    }

    /// Another mirror would bring it far sooner.
    func isOutrun(_ number: Int, at bytesPerSecond: Double, among healthy: [Int]) -> Bool {
        healthy.contains { $0 != number && speed(of: $0) * RaceStanding.least > bytesPerSecond }
    }

    private func speed(of number: Int) -> Double { rates[number] ?? hope }
}
