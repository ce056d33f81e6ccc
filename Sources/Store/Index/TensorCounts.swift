public import Model
internal import Platform

/// How many tensors and parameters files have that are not cut at their tensors, such as GGUF. Their headers are read once:
/// the counts are kept in the store's file `counts`. It is derived; without it the headers are read again.
public final class TensorCounts {
    public struct Count: Hashable, Sendable {
        public var tensors: Int
        public var parameters: UInt64
    }

    private let store: LocalStore
    private lazy var known = read()
    private var isChanged = false

    private static let mark = "cake counts 1"
    /// Past so many the file is begun anew.
    private static let most = 100_000
    /// Of a digest and two numbers.
    private static let longestLine = 64 + 2 * 21

    public init(of store: LocalStore) { self.store = store }

    /// A GGUF file by its name.
    public static func isCounted(_ file: Manifest.File) -> Bool {
        file.path.string.utf8.count > 5 && file.path.string.lowercased().hasSuffix(".gguf")
            && !file.segments.contains { $0.tensor != nil }
    }

    /// Nil for another kind of file, and for one that cannot be read now. A file that is GGUF by its name alone has none.
    public func count(of file: Manifest.File) -> Count? {
        guard TensorCounts.isCounted(file) else { return nil }
        if let count = known[file.digest] { return count }
        guard let count = try? GGUFHeader(of: file, in: store).count else { return nil }
        known[file.digest] = count
        isChanged = true
        return count
    }

    /// Of a whole model. A repository may have the same weights in several files, each encoded in another way, and a model may
    /// lie in several parts: the largest counts.
    public func count(of manifest: Manifest) -> Count? {
        var groups: [String: Count] = [:]
        for file in manifest.files {
            guard let count = count(of: file) else { continue }
            let group = GGUFHeader.group(of: file.path.string)
            var sum = groups[group] ?? Count(tensors: 0, parameters: 0)
            sum.tensors += count.tensors
            sum.parameters = sum.parameters.clampedSum(count.parameters)
            groups[group] = sum
        }
        return groups.values.max { ($0.parameters, $0.tensors) < ($1.parameters, $1.tensors) }
    }

    /// Best effort: what is not kept is read again.
    public func save() {
        guard isChanged, store.isWritable else { return }
        let all = read().merging(known) { $1 }
        let kept = all.count > TensorCounts.most ? known : all
        let lines = kept.sorted { $0.key < $1.key }.map { "\($0.key.hex) \($0.value.tensors) \($0.value.parameters)\n" }
        try? Disk.replace(store.layout.counts, with: Array((TensorCounts.mark + "\n" + lines.joined()).utf8))
        isChanged = false
    }

    /// A line that makes no sense is left out.
    private func read() -> [Digest: Count] {
        let limit = TensorCounts.mark.utf8.count + TensorCounts.most * TensorCounts.longestLine
        guard let bytes = try? Disk.read(store.layout.counts, limit: limit) else { return [:] }
        let lines = bytes.split(separator: lineFeed)
        guard let first = lines.first, first.elementsEqual(TensorCounts.mark.utf8) else { return [:] }
        var known: [Digest: Count] = [:]
        for line in lines.dropFirst() {
            let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard words.count == 3, let digest = Digest(hex: words[0]), let tensors = Int(words[1]), tensors >= 0,
                let parameters = UInt64(words[2])
            else { continue }
            known[digest] = Count(tensors: tensors, parameters: parameters)
        }
        return known
    }
}
