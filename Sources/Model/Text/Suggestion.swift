/// "Did you mean": the candidate a person most likely meant to type.
public enum Suggestion {
    /// The nearest candidate by swapped, missing, extra and wrong letters, or nil if none is close. A word without its
    /// end counts as close. Case is ignored; equals go to the first in alphabetical order.
    public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let typed = Array(word.lowercased().utf8)
        guard !typed.isEmpty, typed.count <= 100 else { return nil }
        // One slip in three letters is a slip; more is another word.
        let allowed = max(1, typed.count / 3)
        var best: (score: Int, candidate: String)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().utf8)
            let score: Int
            if typed.count >= 3, letters.starts(with: typed) {
                score = min(letters.count - typed.count, 2)
            } else {
                guard abs(letters.count - typed.count) <= allowed else { continue }
                let distance = distance(typed, letters)
                guard distance <= allowed, distance < max(typed.count, letters.count) else { continue }
                let common = zip(typed, letters).prefix { $0 == $1 }.count
                score = 4 * distance - min(common, 3)
            }
            if let best, (best.score, best.candidate) <= (score, candidate) { continue }
            best = (score, candidate)
        }
        return best?.candidate
    }

    /// Damerau's distance, with each pair of neighbours swapped at most once. Three rows are all it looks at.
    package static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for (column, other) in right.enumerated() {
                var cost = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
