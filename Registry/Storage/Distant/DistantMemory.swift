internal import Model

/// What a storage said, to be remembered.
extension DistantValues {
    enum Memory: Sendable {
        case entry(Entry?)
        case bytes([UInt8]?)
        case names([String])

        /// Only what was there is known without asking: a push elsewhere counts at once.
        var isThere: Bool {
            switch self {
            case .entry(let entry): entry != nil
            case .bytes(let bytes): bytes != nil
            case .names: true
            }
        }

        var cost: Int {
            switch self {
            case .entry: 256
            case .bytes(let bytes): 256 + (bytes?.count ?? 0)
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

    private static let atOnce = 16

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
