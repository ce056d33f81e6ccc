/// How the records of an index are laid out. Both shapes are drawn in docs/layout.md.
package enum IndexShape: CaseIterable, Sendable {
    /// With the SHA-256 of each object's stored bytes: the index of a registry's packs, and that of a store of cake 0.1.
    case withStoredDigests
    /// Without it: storing a layer then takes no hash of its object.
    case current

    var mark: [UInt8] { Array((self == .current ? "cakeidx2" : "cakeidx1").utf8) }

    /// Of a record on disk.
    var recordLength: Int { rest + 64 }

    /// Where a record goes on behind its digests.
    var rest: Int { self == .current ? 32 : 64 }
}

/// An entry of a folder with an index.
struct IndexName: Equatable, Sendable {
    let shape: IndexShape
    let name: String
}
