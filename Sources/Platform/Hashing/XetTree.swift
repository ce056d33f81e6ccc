public import Model

/// The tree that Xet builds over chunks, node by node as they come. At most nine nodes of each height are kept.
public struct XetTree: Sendable {
    private struct Node {
        let hash: XetHash
        let size: UInt64
    }

    /// Nodes that have no parent yet, from the chunks upward.
    private var waiting: [[Node]] = []
    /// Whether a parent was made at that height: then its only node is not the root.
    private var hasParents: [Bool] = []
    private static let groupLimit = 9

    public init() {}

    public mutating func add(_ chunk: XetChunk) { add(Node(hash: chunk.hash, size: UInt64(chunk.size)), at: 0) }

    /// The name of a xorb of these chunks; nil without any.
    public consuming func root() -> XetHash? {
        var height = 0
        while height < waiting.count {
            if waiting[height].count == 1, !hasParents[height] { return waiting[height][0].hash }
            while !waiting[height].isEmpty { raise(at: height) }
            height += 1
        }
        return nil
    }

    /// The name of a file of these chunks.
    public consuming func fileHash() -> XetHash {
        root().map { root in BLAKE3.hash(of: root.bytes.span, key: .file) } ?? .empty
    }

    private mutating func add(_ node: Node, at height: Int) {
        if waiting.count == height {
            waiting.append([])
            hasParents.append(false)
        }
        waiting[height].append(node)
        // So many decide a group, however many follow.
        if waiting[height].count == XetTree.groupLimit { raise(at: height) }
    }

    /// Gives the first group a parent.
    private mutating func raise(at height: Int) {
        let nodes = waiting[height]
        let limit = min(XetTree.groupLimit, nodes.count)
        let end = nodes.indices.first { $0 >= 2 && $0 < limit && nodes[$0].hash.endsGroup }
        let count = nodes.count <= 2 ? nodes.count : end.map { $0 + 1 } ?? limit
        let children = nodes[..<count]
        waiting[height].removeFirst(count)
        hasParents[height] = true
        let lines = children.map { "\($0.hash) : \($0.size)\n" }.joined()
        add(
            Node(
                hash: BLAKE3.hash(of: lines.utf8Span.span, key: .node),
                size: children.reduce(0) { $0 &+ $1.size }), at: height + 1)
    }
}

/// The name Xet has for a file, from its bytes as they pass.
public struct XetFileHash: Sendable {
    private var chunker = XetChunker()
    private var tree = XetTree()

    public init() {}

    public mutating func update(_ bytes: Span<UInt8>) { chunker.update(bytes) { tree.add($0) } }

    public consuming func finish() -> XetHash {
        var tree = tree
        if let last = chunker.finish() { tree.add(last) }
        return tree.fileHash()
    }

    public static func hash(of bytes: Span<UInt8>) -> XetHash {
        var hash = XetFileHash()
        hash.update(bytes)
        return hash.finish()
    }
}
