public import Model
internal import Store
internal import Synchronization

/// Names of the store that have the same place in its registry, whose names have no capitals and few other characters.
/// One of them is served.
public struct NameClash: Sendable {
    public let place: ServedName
    /// Nil if the served one is removed, and none of the others has replaced it.
    public let served: ModelName?
    let others: [LocalStore.Named]
    let removed: ModelName?

    /// The name that is spelled exactly like its place, else the one that was given first.
    static func goesBefore(_ left: LocalStore.Named, _ right: LocalStore.Named, at place: ServedName) -> Bool {
        func rank(_ named: LocalStore.Named) -> (Int, Int) {
            let isExact = [place.repository.text, "\(place.repository)@\(place.tag)", "\(place)"].contains(
                named.name.string)
            return (isExact ? 0 : 1, named.record.time ?? Int.max)
        }
        return rank(left) == rank(right) ? left.name < right.name : rank(left) < rank(right)
    }

    private var list: String { others.map(\.name.description).joined(separator: ", ") }

    /// The message for an operator when the server starts, and for a client that requests a model that is not served.
    public var text: String {
        let (have, are) = others.count == 1 ? ("has", "is") : ("have", "are")
        if let served {
            return "\(place) is \(served); \(list) \(have) the same name in a registry and \(are) not served: "
                + "give it another name with cake tag"
        }
        let was = removed.map { " was \($0), which is not served any more" } ?? " is not served any more"
        return "\(place)\(was); \(list) \(have) the same name in a registry and \(are) not served instead: "
            + "to serve it, start cake serve again"
    }

    /// Whether a client that requests the tag means a model that is not served.
    func isMeant(by tag: TagName) -> Bool {
        if served == nil, place.tag == tag { return true }
        return others.contains { $0.record.commit.flatMap { ServedName.tag(for: $0) } == tag }
    }
}

/// The chosen names, in a small file: without it, names are chosen again when the next server starts.
extension RegistryStore {
    private static let chosenMark = "cake registry served 1"
    private static let longestChosen = 16 << 20

    func chosenNames() -> [ServedName: ModelName] {
        guard let bytes = try? storage.bytes(at: keys.served, limit: RegistryStore.longestChosen) else { return [:] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first == Substring(RegistryStore.chosenMark) else { return [:] }
        var chosen: [ServedName: ModelName] = [:]
        for line in lines.dropFirst() {
            guard let name = ModelName(fileName: String(line)), let place = ServedName(name) else { continue }
            chosen[place] = name
        }
        return chosen
    }

    /// Saves the choice while a place has a clash, and no longer.
    func remember(_ shown: ShownModels, beside chosen: [ServedName: ModelName]) throws(CakeError) {
        guard store.isWritable else { return }
        var new: [ServedName: ModelName] = [:]
        for clash in shown.clashes { new[clash.place] = clash.served ?? chosen[clash.place] }
        if new != chosen { try write(new) }
    }

    private func write(_ chosen: [ServedName: ModelName]) throws(CakeError) {
        let lines = chosen.values.sorted().map { $0.fileName + "\n" }
        let text = RegistryStore.chosenMark + "\n" + lines.joined()
        try storage.put(StorageBody(Array(text.utf8)), at: keys.served)
    }

    /// At the start of a server: chooses again if the chosen name was removed, and returns notes for the operator.
    public func settleNames() throws(CakeError) -> [String] {
        // A name that cannot be read keeps nothing that was pushed from being served.
        guard store.isWritable, !isDistant, let names = try? store.allNames() else { return [] }
        let old = chosenNames()
        let present = Set(names.filter { $0.record.mark != .mirroredClosed }.map(\.name))
        let shown = ShownModels(names, chosen: old.filter { present.contains($0.value) })
        var new: [ServedName: ModelName] = [:]
        for clash in shown.clashes { new[clash.place] = clash.served }
        var notes = shown.clashes.map(\.text)
        for (place, name) in old.sorted(by: { $0.value < $1.value }) where !present.contains(name) {
            guard let now = shown.name(at: place) else { continue }
            notes.append("\(place) is \(now) now; it was \(name), which was removed")
        }
        if new != old { try write(new) }
        return notes
    }

    /// Names that a client may mean by a tag that does not exist.
    public func clash(_ tag: TagName, in repository: RepositoryName) -> NameClash? {
        isDistant ? nil : shownModels.value.clashes.first { $0.place.repository == repository && $0.isMeant(by: tag) }
    }
}

/// The last shown models. The next differ only by names that were added and removed since.
final class LastShown: Sendable {
    private let models = Mutex<ShownModels?>(nil)

    var value: ShownModels? { models.withLock { $0 } }

    func note(_ shown: ShownModels) { models.withLock { $0 = shown } }
}
