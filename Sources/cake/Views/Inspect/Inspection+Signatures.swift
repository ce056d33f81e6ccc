import Model
import Platform
import Store
import Transfer

extension Inspection {
    /// A signature that a model has. Nothing of it is verified here.
    struct Signature: Sendable {
        let place: FoundSignature.Place
        /// What it says of its key; nil where it says nothing.
        let hint: String?
        let canBeRead: Bool

        init(_ found: FoundSignature) {
            let bundle = try? SignatureBundle(parsing: found.bytes.span)
            (place, hint, canBeRead) = (found.place, bundle?.hint, bundle != nil)
        }

        var text: String {
            let key =
                canBeRead ? hint.map { "key \(Signer.short($0))" } ?? "an unnamed key" : "not readable by cake"
            return switch place {
            case .store: key
            case .model(let path): "\(key) (\(path))"
            case .path(let path): "\(key) (\(Printable.escape(path)))"
            }
        }

        var document: JSONValue {
            let file: JSONValue = if case .model(let path) = place { JSONValue(path.string) } else { .null }
            return ["key": JSONValue(hint), "file": file, "readable": .bool(canBeRead)]
        }
    }

    /// A damaged one is left to `cake verify`.
    static func signatures(of manifest: Manifest, _ digest: Digest, in store: LocalStore) -> [Signature] {
        ((try? store.foundSignatures(of: manifest, digest)) ?? []).map { Signature($0) }
    }
}
