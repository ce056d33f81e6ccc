public import Model
internal import Platform
internal import Store
internal import Synchronization
public import Transfer

extension Shelf {
    @discardableResult
    public func save(
        _ names: [String], to path: String, without there: LayerList = .none, splitAt: UInt64? = nil,
        mayReplace: Bool = false
    ) async throws -> Save.Report {
        let models = try names.map { try Save.Model(store.find($0), in: store) }
        let target: Save.Target =
            path.hasSuffix("/")
            ? .folder(String(path.dropLast())) : .file(path, splitAt: splitAt, mayReplace: mayReplace)
        return try await Save(models, from: store, without: there, progress: Progress("save"))(to: target)
    }

    @discardableResult
    public func load(_ paths: String..., isForced: Bool = false) async throws -> Load.Report {
        try await load(paths.map { .path($0) }, isForced: isForced)
    }

    /// As it comes out of a pipe, so many bytes at a time.
    @discardableResult
    public func load(piped paths: [String], step: Int) async throws -> Load.Report {
        var files: [(file: File, size: UInt64)] = []
        for path in paths {
            let file = try File(path, .read)
            files.append((file, try file.size()))
        }
        let pipe = Pipe(files, step: step)
        return try await load([.stream { try pipe.fill($0) }])
    }

    private func load(_ sources: [Load.Source], isForced: Bool = false) async throws -> Load.Report {
        var options = Load.Options()
        options.replacesNames = isForced
        return try await Load(into: store, progress: Progress("load"), options: options)(sources)
    }

    public func had(by names: String...) throws -> LayerList {
        try store.layersHad(by: names.isEmpty ? store.allNames() : names.map { try store.find($0) })
    }
}

private final class Pipe: Sendable {
    private let files: [(file: File, size: UInt64)]
    private let step: Int
    private let place = SharedCounter()

    init(_ files: [(file: File, size: UInt64)], step: Int) { (self.files, self.step) = (files, step) }

    func fill(_ chunk: Chunk) throws -> Int {
        var start = place.value
        for (file, size) in files {
            guard start >= size else {
                let count = Int(min(UInt64(min(step, chunk.capacity - chunk.count)), size - start))
                try file.append(to: chunk, from: start, count: count)
                place.add(UInt64(count))
                return count
            }
            start -= size
        }
        return 0
    }
}

/// A tar as anyone could write it.
public enum RawTar {
    /// A header with any size, kind and name, then bytes and their padding.
    public static func member(
        _ name: String, _ bytes: [UInt8] = [], kind: Unicode.Scalar = "0", claiming size: UInt64? = nil
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Sequence<UInt8>, at place: Int) {
            for (index, byte) in text.enumerated() { block[place + index] = byte }
        }
        let octal = String(size ?? UInt64(bytes.count), radix: 8)
        put(Array(name.utf8).prefix(100), at: 0)
        put((String(repeating: "0", count: max(0, 11 - octal.count)) + octal).utf8, at: 124)
        put("        ".utf8, at: 148)
        block[156] = UInt8(ascii: kind)
        put("ustar\u{0}00".utf8, at: 257)
        let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        put((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8, at: 148)
        return block + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    public static let end = [UInt8](repeating: 0, count: 1024)

    /// The members of a tar of plain files.
    public static func read(_ bytes: [UInt8]) -> [(name: String, bytes: [UInt8])] {
        var members: [(name: String, bytes: [UInt8])] = []
        var place = 0
        while place + 512 <= bytes.count, bytes[place] != 0 {
            let name = String(decoding: bytes[place..<place + 100].prefix { $0 != 0 }, as: UTF8.self)
            let size = Int(String(decoding: bytes[place + 124..<place + 135], as: UTF8.self), radix: 8) ?? 0
            members.append((name, Array(bytes[place + 512..<place + 512 + size])))
            place += 512 + (size + 511) / 512 * 512
        }
        return members
    }

    public static func write(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        members.flatMap { member($0.name, $0.bytes) } + end
    }
}

private final class SharedCounter: Sendable {
    private let count = Mutex<UInt64>(0)

    var value: UInt64 { count.withLock { $0 } }

    func add(_ more: UInt64) { count.withLock { $0 += more } }
}
