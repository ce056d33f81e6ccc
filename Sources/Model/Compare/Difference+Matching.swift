/// Pairs the tensors of two models in passes, the surest first. Each pass takes tensors that the earlier ones left. All
/// passes are linear, also when a name or a digest occurs a thousand times.
struct TensorMatching {
    let before: [Difference.Place]
    let after: [Difference.Place]
    /// For each of `after`, its partner in `before`.
    private var partner: [Int?]
    private var isTaken: [Bool]

    init(_ before: Outline, _ after: Outline) {
        self.before = TensorMatching.places(in: before)
        self.after = TensorMatching.places(in: after)
        partner = Array(repeating: nil, count: self.after.count)
        isTaken = Array(repeating: false, count: self.before.count)
    }

    /// A model has a name once, or once in each of a few sets of files: so a name alone decides where it is here once on
    /// each side, and where it is not, the same bytes come first, then the same file.
    mutating func changes() -> [Difference.TensorChange] {
        let (before, after) = (before, after)
        var numbers = NameNumbers(capacity: before.count)
        let names = before.map { numbers.number(of: $0.tensor.name) }
        let newNames = after.map { numbers.number(of: $0.tensor.name) }
        if numbers.isEachOnce(in: names), numbers.isEachOnce(in: newNames) {
            pairUnique(names, newNames, count: numbers.count)
        } else {
            pair(
                { index in before[index].content.map { NameAndContent(name: names[index], content: $0) } },
                { index in after[index].content.map { NameAndContent(name: newNames[index], content: $0) } })
            pair(
                { NameAndFile(name: names[$0], file: before[$0].file) },
                { NameAndFile(name: newNames[$0], file: after[$0].file) })
            pair({ names[$0] }, { newNames[$0] })
        }
        // Many tensors can have the same bytes (norms that are all ones): the one at the same place in its block first.
        pair({ Moved(before[$0]) }, { Moved(after[$0]) })
        // Tensors without bytes all have the same: their being equal says nothing.
        pair(
            { before[$0].size == 0 ? nil : before[$0].content },
            { after[$0].size == 0 ? nil : after[$0].content })
        return collect()
    }

    private func collect() -> [Difference.TensorChange] {
        var changes: [Difference.TensorChange] = []
        changes.reserveCapacity(after.count)
        for (index, new) in after.enumerated() {
            guard let old = partner[index].map({ before[$0] }) else {
                changes.append(Difference.TensorChange(kind: .added, before: nil, after: new))
                continue
            }
            changes.append(Difference.TensorChange(kind: TensorMatching.kind(old, new), before: old, after: new))
        }
        for (index, old) in before.enumerated() where !isTaken[index] {
            changes.append(Difference.TensorChange(kind: .removed, before: old, after: nil))
        }
        return changes
    }

    private static func kind(_ old: Difference.Place, _ new: Difference.Place) -> Difference.Kind {
        if old.tensor.name != new.tensor.name { return .renamed }
        if old.tensor.dtype != new.tensor.dtype { return .dtypeChanged }
        if old.tensor.shape != new.tensor.shape { return .reshaped }
        guard let (was, now) = old.content.flatMap({ was in new.content.map { (was, $0) } }) else { return .unknown }
        if was == now { return .same }
        // Equal tensors lie in different files too: only digests tell that two are not the same.
        guard case .digest = was, case .digest = now else { return .unknown }
        return .changed
    }

    /// Pairs unpaired tensors on both sides under equal keys, first with first. A nil key pairs with nothing.
    private mutating func pair<Key: Hashable>(_ oldKey: (Int) -> Key?, _ newKey: (Int) -> Key?) {
        let open = partner.indices.filter { partner[$0] == nil }
        guard !open.isEmpty, isTaken.contains(false) else { return }
        // The first waiting place of each key, and a chain to the next one: no array per key.
        var first: [Key: Int] = [:]
        var next: [Int: Int] = [:]
        for index in before.indices.reversed() where !isTaken[index] {
            guard let key = oldKey(index) else { continue }
            if let later = first.updateValue(index, forKey: key) { next[index] = later }
        }
        for index in open {
            guard let key = newKey(index), let found = first[key] else { continue }
            partner[index] = found
            isTaken[found] = true
            first[key] = next[found]
        }
    }

    private mutating func pairUnique(_ names: [Int], _ newNames: [Int], count: Int) {
        var places: [Int?] = Array(repeating: nil, count: count)
        for (index, name) in names.enumerated() { places[name] = index }
        for (index, name) in newNames.enumerated() {
            guard let place = places[name] else { continue }
            partner[index] = place
            isTaken[place] = true
        }
    }

    private static func places(in outline: Outline) -> [Difference.Place] {
        var places: [Difference.Place] = []
        for file in outline.files {
            for segment in file.segments {
                guard let tensor = segment.tensor else { continue }
                places.append(
                    Difference.Place(file: file.path, content: segment.content, size: segment.size, tensor: tensor))
            }
        }
        return places
    }
}

private struct NameAndContent: Hashable {
    let name: Int
    let content: Outline.Content
}

private struct NameAndFile: Hashable {
    let name: Int
    let file: FilePath
}

/// The same bytes, read the same way, at the same place in a block. The name before the block's number does not count.
private struct Moved: Hashable {
    let content: Outline.Content
    let dtype: DType
    let shape: [UInt64]
    let suffix: ExactText
    let number: UInt64?

    init?(_ place: Difference.Place) {
        guard let content = place.content else { return nil }
        self.content = content
        dtype = place.tensor.dtype
        shape = place.tensor.shape
        suffix = NetworkBlock.suffix(of: place.tensor.name)
        number = NetworkBlock(of: place.tensor.name).number
    }
}

/// Small numbers for names: each name is hashed once, and later steps compare numbers.
private struct NameNumbers {
    private var numbers: [ExactText: Int]

    init(capacity: Int) { numbers = Dictionary(minimumCapacity: capacity) }

    var count: Int { numbers.count }

    mutating func number(of name: ExactText) -> Int {
        // Passing the place as inout puts the fresh number there when there is none: one hash for both.
        func taken(_ place: inout Int) -> Int { place }
        let fresh = numbers.count
        return taken(&numbers[name, default: fresh])
    }

    func isEachOnce(in list: [Int]) -> Bool {
        var seen = Array(repeating: false, count: count)
        for number in list {
            guard !seen[number] else { return false }
            seen[number] = true
        }
        return true
    }
}
