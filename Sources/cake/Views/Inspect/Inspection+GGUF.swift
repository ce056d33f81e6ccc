import Model
import Store
import Transfer

extension Inspection {
    typealias Header = (path: FilePath, header: GGUF.Header)

    /// Of a model in the store: only the headers of one encoding are read. What cannot be read is not shown.
    static func gguf(in manifest: Manifest, of store: LocalStore, _ counts: TensorCounts) -> GGUFInspection? {
        var groups: [String: [Manifest.File]] = [:]
        for file in manifest.files where TensorCounts.isCounted(file) {
            groups[GGUFHeader.group(of: file.path.string), default: []].append(file)
        }
        func parameters(_ files: [Manifest.File]) -> UInt64 {
            files.reduce(0) { $0.clampedSum(counts.count(of: $1)?.parameters ?? 0) }
        }
        let largest = groups.max { (parameters($0.value), $1.key) < (parameters($1.value), $0.key) }?.value ?? []
        return GGUFInspection(largest.compactMap { file in (try? GGUFHeader(of: file, in: store))?.header })
    }

    /// Of a folder.
    static func headers(of model: LocalModel) -> [Header] {
        model.files.compactMap { file in
            guard file.path.string.lowercased().hasSuffix(".gguf"), let found = try? GGUFFile(file.location) else {
                return nil
            }
            return (file.path, found.header)
        }
    }

    static func largest(of headers: [Header]) -> GGUFInspection? {
        let groups = Dictionary(grouping: headers) { GGUFHeader.group(of: $0.path.string) }
        func parameters(_ group: [Header]) -> UInt64 {
            GGUFInspection(group.map(\.header))?.parameters ?? 0
        }
        let largest = groups.max { (parameters($0.value), $1.key) < (parameters($1.value), $0.key) }?.value ?? []
        return GGUFInspection(largest.map(\.header))
    }
}
