public import Model
internal import Platform
public import Store

/// A signature of a model, and where it was.
public struct FoundSignature: Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable {
        /// Made here.
        case store
        /// A file of the model.
        case model(FilePath)
        /// A file that a person named.
        case path(String)
    }

    public let place: Place
    public let bytes: [UInt8]
    /// Of the bundle.
    public let digest: Digest

    public init(_ bytes: [UInt8], at place: Place) {
        (self.bytes, self.place) = (bytes, place)
        digest = SHA256.digest(of: bytes.span)
    }

    public var description: String {
        switch place {
        case .store: "the signature in the store"
        case .model(let path): path.description
        case .path(let path): Printable.escape(path)
        }
    }

    /// What it says of its key, which proves nothing. Nil where it says nothing, or cannot be read.
    public var hint: String? { (try? SignatureBundle(parsing: bytes.span))?.hint }

    /// What the store calls it beside its model: by the key or the certificate that it names, so that another by the same
    /// takes its place.
    public var keptName: Digest {
        let bundle = try? SignatureBundle(parsing: bytes.span)
        if let hint = bundle?.hint.flatMap({ Digest(hex: $0) }) { return hint }
        return bundle?.certificates.first.map { SHA256.digest(of: $0.span) } ?? digest
    }

    /// What publishers call the file.
    static let names = [SignatureBundle.fileName, "model.sigstore.json"]
}

extension LocalStore {
    /// The signature that a folder of these files gets: the latest that was made here. None where the model has a file of that
    /// name, or not all files are written: it would not fit them.
    public func signature(
        for files: [Manifest.File], of manifest: Manifest, _ digest: Digest
    ) throws(CakeError) -> FoundSignature? {
        guard files.count == manifest.files.count, manifest.file(at: SignatureBundle.fileName) == nil,
            let latest = try signatures(of: digest).last
        else { return nil }
        return FoundSignature(try bytes(of: latest), at: .store)
    }

    /// Those that are kept beside the model, the latest first. No file of it is read.
    func keptSignatures(of digest: Digest) throws(CakeError) -> [FoundSignature] {
        try signatures(of: digest).reversed().map { kept throws(CakeError) in
            FoundSignature(try bytes(of: kept), at: .store)
        }
    }

    /// Those made here, the latest first, and those among the model's own files.
    public func foundSignatures(of manifest: Manifest, _ digest: Digest) throws(CakeError) -> [FoundSignature] {
        var found = try keptSignatures(of: digest)
        for name in FoundSignature.names {
            guard let file = manifest.file(at: name), file.size <= UInt64(SignatureBundle.maximumSize) else { continue }
            let bytes = try LayerReader(self).bytes(of: file, limit: SignatureBundle.maximumSize)
            found.append(FoundSignature(bytes, at: .model(file.path)))
        }
        return found
    }
}
