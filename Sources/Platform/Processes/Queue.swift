/// First in, first out. It keeps nothing of what was taken, also where it is never empty.
struct Queue<Element> {
    private var elements: [Element] = []
    private var taken = 0

    var isEmpty: Bool { taken == elements.count }
    /// What has room in memory, taken or not.
    var held: Int { elements.count }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[taken]
        taken += 1
        // To move the rest costs less than taking what is dropped did.
        if taken * 2 >= elements.count {
            elements.removeFirst(taken)
            taken = 0
        }
        return element
    }
}
