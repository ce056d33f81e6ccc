/// "Did you mean": the known word that someone probably wanted.
public enum Suggestion {
    /// Nil when nothing is near enough to be worth a person's time. Of equally near ones, the first.
    public static func nearest(to typed: String, among known: [String]) -> String? {
        let wanted = Array(typed.lowercased().unicodeScalars)
        guard !wanted.isEmpty else { return nil }
        var best: (word: String, distance: Int)?
        for word in known {
            let letters = Array(word.lowercased().unicodeScalars)
            // One slip in a short word, two in a middling one, three in a long one.
            let allowed = min(3, max(1, max(wanted.count, letters.count) / 3))
            guard abs(letters.count - wanted.count) <= allowed else { continue }
            let found = distance(wanted, letters)
            if found <= allowed, best.map({ found < $0.distance }) ?? true { best = (word, found) }
        }
        if let best { return best.word }
        guard wanted.count >= 3 else { return nil }
        return known.first { $0.lowercased().unicodeScalars.starts(with: wanted) }
    }

    /// Damerau's distance: letters left out, put in, changed, or two neighbours that changed places.
    static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row]
            for column in 1...right.count {
                let isSame = left[row - 1] == right[column - 1]
                var cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    cost = min(cost, beforeLast[column - 2] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
