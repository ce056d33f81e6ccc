internal import Synchronization

/// The nodes that the kernel knows, by its numbers. A number stays as long as the kernel remembers it, and is never used
/// again.
final class Nodes: Sendable {
    private struct Known {
        let node: Node
        /// How often the kernel was told of it; it takes all of them back when it forgets.
        var count: UInt64
    }

    private struct State {
        var known: [UInt64: Known] = [:]
        var numbers: [Node: UInt64] = [:]
        var last = Nodes.root
    }

    /// The kernel's number of the top.
    static let root: UInt64 = 1

    private let top: Node
    private let state = Mutex(State())

    init(_ top: Node) { self.top = top }

    /// Nil for a number that the kernel was not told.
    func node(_ number: UInt64) -> Node? {
        number == Nodes.root ? top : state.withLock { $0.known[number]?.node }
    }

    /// The number of a node that the kernel is being told of, once more.
    func tell(_ node: Node) -> UInt64 {
        if node == top { return Nodes.root }
        return state.withLock { state in
            if let number = state.numbers[node] {
                state.known[number]?.count += 1
                return number
            }
            state.last += 1
            state.known[state.last] = Known(node: node, count: 1)
            state.numbers[node] = state.last
            return state.last
        }
    }

    func forget(_ number: UInt64, _ count: UInt64) {
        state.withLock { state in
            guard let known = state.known[number] else { return }
            guard known.count <= count else {
                state.known[number]?.count -= count
                return
            }
            state.known[number] = nil
            state.numbers[known.node] = nil
        }
    }

    /// The numbers of those that fit.
    func numbers(where fits: (Node) -> Bool) -> [UInt64] {
        state.withLock { state in state.known.filter { fits($0.value.node) }.map(\.key) }
    }

    var count: Int { state.withLock { $0.known.count } }
}
