internal import Model

/// The names of a store and of those below it, sorted: which names lie in a folder is asked without reading all of them.
struct NameList: Sendable {
    private let names: [ModelName]

    /// Each once.
    init(_ names: Set<ModelName>) { self.names = names.sorted() }

    /// Those whose text begins so, sorted.
    func beginning(with prefix: String) -> ArraySlice<ModelName> {
        let start = place { !$0.string.precedesInBytes(prefix) }
        let rest = names[start...]
        guard !prefix.isEmpty else { return rest }
        let end = place { name in
            !name.string.precedesInBytes(prefix) && !name.string.utf8.starts(with: prefix.utf8)
        }
        return rest[..<end]
    }

    func has(_ name: ModelName) -> Bool {
        let place = place { !($0 < name) }
        return place < names.count && names[place] == name
    }

    /// The first that fits, where all after it fit too.
    private func place(where fits: (ModelName) -> Bool) -> Int {
        var (low, high) = (0, names.count)
        while low < high {
            let middle = low + (high - low) / 2
            if fits(names[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
