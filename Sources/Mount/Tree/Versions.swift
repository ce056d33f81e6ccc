internal import Model
internal import Synchronization

/// The number of a version in this mount.
struct VersionNumber: Hashable, Sendable {
    let index: UInt32
}

/// What a name means at some time.
struct Version: Hashable, Sendable {
    let name: ModelName
    let manifest: Digest
    /// Seconds since 1970.
    let time: Int

    init(_ name: ModelName, _ record: NameRecord) {
        self.name = name
        manifest = record.manifest
        time = record.time ?? 0
    }
}

/// Every version that was looked at, by a number: a node is small, and a million of them are.
final class Versions: Sendable {
    private struct State {
        var numbers: [Version: VersionNumber] = [:]
        var versions: [Version] = []
    }

    private let state = Mutex(State())

    func number(of version: Version) -> VersionNumber {
        state.withLock { state in
            if let known = state.numbers[version] { return known }
            let new = VersionNumber(index: UInt32(truncatingIfNeeded: state.versions.count))
            state.versions.append(version)
            state.numbers[version] = new
            return new
        }
    }

    subscript(number: VersionNumber) -> Version { state.withLock { $0.versions[Int(number.index)] } }
}
