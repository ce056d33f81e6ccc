/// First in, first out. It frees taken elements, also if it is never empty.
package struct Queue<Element> {
    private var elements: [Element] = []
    private var taken = 0

    package init() {}

    package var isEmpty: Bool { taken == elements.count }
    package var count: Int { elements.count - taken }
    /// Elements in memory, taken or not.
    var held: Int { elements.count }

    package mutating func append(_ element: Element) { elements.append(element) }

    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[taken]
        taken += 1
        // Moving the rest costs less than taking the dropped elements did.
        if taken * 2 >= elements.count {
            elements.removeFirst(taken)
            taken = 0
        }
        return element
    }
}
