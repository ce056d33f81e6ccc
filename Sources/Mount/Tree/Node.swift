package import Model
package import Transfer

/// A place in the mount. A version that a name had keeps its nodes while programs have its files open, whatever the name
/// means by then.
package struct Node: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        /// A folder of the tree of names, by its path: empty for the top. `org/name` is both the folder of a model and
        /// the place of names below.
        case names(ExactText)
        /// `.names`.
        case escaped
        /// A folder inside of a model: its first file, and how many bytes of that file's path name the folder.
        case folder(VersionNumber, first: UInt32, length: UInt16)
        case file(VersionNumber, UInt32)
        /// `.fast`, and its folders by their path.
        case archives(ExactText)
        /// `.fast/.names`.
        case escapedArchives
        case archive(VersionNumber)
        /// `.hf`, and what is in a repository of it.
        case hub
        case repository(HubRepository)
        case blobs(HubRepository)
        case snapshots(HubRepository)
        /// `refs`, and its folders by their path.
        case references(HubRepository, ExactText)
        case reference(HubRepository, ExactText)
        /// A folder of links: `snapshots/<commit>` is the one of length 0.
        case snapshot(VersionNumber, first: UInt32, length: UInt16)
        case link(VersionNumber, UInt32)
    }

    let place: Place

    init(_ place: Place) { self.place = place }
}

/// What a node is, as `stat` shows it.
package struct Attributes: Hashable, Sendable {
    package enum Kind: Sendable {
        case folder
        case file
        case link
    }

    package let kind: Kind
    /// Of a link the length of its target; 0 for a folder.
    package let size: UInt64
    /// Seconds since 1970: when the name was pointed at the model.
    package let modified: Int

    init(_ kind: Kind, size: UInt64 = 0, modified: Int) {
        (self.kind, self.size, self.modified) = (kind, size, modified)
    }
}

/// What a file is made of.
package struct Content: Sendable {
    package enum Part: Sendable {
        case bytes([UInt8])
        case zeros(UInt64)
        case layer(Layer)
        case made(Made)
        /// Bytes that are downloaded when they are read.
        case lazy(LazyFile)

        package var size: UInt64 {
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .zeros(let count): count
            case .layer(let layer): layer.size
            case .made(let made): UInt64(made.count)
            case .lazy(let file): file.size
            }
        }
    }

    /// Bytes that are worked out when they are first read, because that takes reading the whole model. They are the same
    /// each time.
    package struct Made: Sendable {
        package let count: Int
        /// May take as long as reading a model. Fails where a layer is damaged.
        package let bytes: @Sendable () async throws -> [UInt8]
    }

    /// To be held by a lease while the file is open.
    package let manifest: Digest?
    /// In order; their sizes add up to the file's.
    package let parts: [Part]

    init(manifest: Digest?, parts: [Part]) { (self.manifest, self.parts) = (manifest, parts) }
}
