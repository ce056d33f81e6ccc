internal import Model
internal import Platform

/// What a storage said, to be remembered.
extension DistantValues {
    /// A small value, and when it was put.
    struct Value: Sendable {
        let bytes: [UInt8]
        let time: Int
    }

    enum Memory: Sendable {
        case entry(Entry?)
        case bytes(Value?)
        case names([String])

        /// Only what was there is known without asking: a push elsewhere counts at once.
        var isThere: Bool {
            switch self {
            case .entry(let entry): entry != nil
            case .bytes(let value): value != nil
            case .names: true
            }
        }

        var cost: Int {
            switch self {
            case .entry: 256
            case .bytes(let value): 256 + (value?.bytes.count ?? 0)
            case .names(let names): 256 + names.reduce(0) { $0 + 32 + $1.utf8.count }
            }
        }
    }

    enum Question: Hashable, Sendable {
        case entry(String)
        case bytes(String)
        case names(String)

        /// Blobs and manifests never change under their keys, and repositories seldom lose them. What a mirror brought may be a
        /// moment old.
        var isLasting: Bool {
            switch self {
            case .entry(let key), .bytes(let key):
                key.hasPrefix("blobs/") || key.contains("/blobs/") || key.contains("/manifests/")
                    || key.hasPrefix("brought/names/")
            case .names(let folder): folder == "brought/names"
            }
        }
    }

    struct Known: Sendable {
        let memory: Memory
        let time: ContinuousClock.Instant
    }

    static let atOnce = 16

    /// Answers in the order of the questions, several at a time. What was asked a moment ago is not asked again. A value that is too
    /// large is passed over, for the sake of the others.
    func askEach(_ questions: [Question], limit: Int = 0) throws(CakeError) -> [Memory] {
        var found = questions.map { fresh($0) }
        let missing = found.indices.filter { found[$0] == nil }
        do throws(CakeError) {
            let asked = missing.map { questions[$0] }
            let answers =
                try asked.isEmpty
                ? []
                : attempt { () throws(CakeError) in
                    try await DistantValues.each(asked) { question throws(CakeError) in
                        try await DistantValues.limited { () throws(CakeError) in
                            do throws(CakeError) {
                                return try await self.answer(question, limit: limit)
                            } catch let error where error.kind == .damaged { return .bytes(nil) }
                        }
                    }
                }
            for (place, answer) in zip(missing, answers) {
                known[questions[place]] = Known(memory: answer, time: .now)
                found[place] = answer
            }
        } catch {
            guard error.isOfNetwork else { throw error }
            // What each of them said last, or nothing.
            for place in missing {
                guard let last = known[questions[place]] else { throw error }
                found[place] = last.memory
            }
        }
        return found.compactMap(\.self)
    }

    /// The results in the order of the items.
    static func each<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws(CakeError) -> Value
    ) async throws(CakeError) -> [Value] {
        do {
            return try await withThrowingTaskGroup(of: (Int, Value).self) { group in
                var (next, found) = (0, [Int: Value]())
                while next < items.count || !group.isEmpty {
                    while next < items.count, next - found.count < atOnce {
                        let (index, item) = (next, items[next])
                        group.addTask { (index, try await body(item)) }
                        next += 1
                    }
                    if let (index, value) = try await group.next() { found[index] = value }
                }
                return items.indices.compactMap { found[$0] }
            }
        } catch let error as CakeError {
            throw error
        } catch { throw CakeError(.failed, "the storage was not waited for") }
    }
}
