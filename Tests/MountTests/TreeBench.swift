import Foundation
import Model
import Platform
import Store
import Support

@testable import Mount

/// A store, and what a mount of it shows, looked at as a kernel does: part by part.
struct TreeBench {
    let scratch: Scratch
    let shelf: Shelf

    init(lower: [String] = []) throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"], lower: lower)
    }

    /// Each model has a `config.json` of its own, beside these files.
    @discardableResult
    func bring(_ name: String, _ files: ModelMaker.Files = [:], seed: Int = 0) async throws -> Digest {
        let folder = scratch[UUID().uuidString]
        let config = Array("{\"name\": \"\(name)\", \"seed\": \(seed)}\n".utf8)
        try ModelMaker.write(files.merging(["config.json": config]) { $1 }, to: folder)
        return try await shelf.bring(folder, as: name)
    }

    /// Changes what a name remembers.
    func change(_ name: String, _ change: (inout NameRecord) -> Void) throws {
        try shelf.store.update(ModelName(name), in: Operation(shelf.store)) { old throws(CakeError) in
            guard var new = old else { throw CakeError(.notFound, name) }
            change(&new)
            return new
        }
    }

    func tree(only: [String] = [], showsClosed: Bool = true) -> MountTree {
        MountTree(shelf.store, only: only.map { StarPattern($0) }, showsClosed: showsClosed)
    }

    func bytes(_ node: Node, in tree: MountTree) async throws -> [UInt8] {
        let reader = LayerReader(shelf.store)
        let content = try tree.content(of: node)
        var bytes: [UInt8] = []
        for part in content.parts {
            let before = bytes.count
            switch part {
            case .bytes(let more): bytes += more
            case .zeros(let count): bytes += [UInt8](repeating: 0, count: Int(count))
            case .layer(let layer): bytes += try reader.bytes(of: layer, limit: 1 << 30)
            case .made(let made): bytes += try await made.bytes()
            case .lazy: preconditionFailure("nothing is read lazily here")
            }
            precondition(UInt64(bytes.count - before) == part.size, "a part is as long as it says")
        }
        return bytes
    }
}

extension MountTree {
    func look(_ path: String) throws -> Node? {
        var found: Node? = root
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            found = try found.flatMap { try node(String(part), in: $0) }
        }
        return found
    }

    func list(_ path: String) throws -> [String] {
        guard let folder = path.isEmpty ? root : try look(path) else { return [] }
        return try entries(of: folder).map(\.name)
    }

    /// The paths of all below a folder, sorted, folders with a slash at the end.
    func walk(_ path: String = "") throws -> [String] {
        guard let folder = path.isEmpty ? root : try look(path) else { return [] }
        var found: [String] = []
        for (name, node) in try entries(of: folder) {
            let inside = path.isEmpty ? name : path + "/" + name
            guard isFolder(node) else {
                found.append(inside)
                continue
            }
            found.append(inside + "/")
            found += try walk(inside)
        }
        return found.sorted()
    }
}
