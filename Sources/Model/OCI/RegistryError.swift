/// A refusal in the form of the OCI distribution specification: a status, a code, and a message.
public struct RegistryError: Error, Hashable, Sendable {
    public enum Code: String, Sendable {
        case blobUnknown = "BLOB_UNKNOWN"
        case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
        case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
        case digestInvalid = "DIGEST_INVALID"
        case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
        case manifestInvalid = "MANIFEST_INVALID"
        case manifestUnknown = "MANIFEST_UNKNOWN"
        case nameInvalid = "NAME_INVALID"
        case nameUnknown = "NAME_UNKNOWN"
        case sizeInvalid = "SIZE_INVALID"
        case unauthorized = "UNAUTHORIZED"
        case denied = "DENIED"
        case unsupported = "UNSUPPORTED"
        case tooManyRequests = "TOOMANYREQUESTS"
        /// Not in the specification; registries send it for their own failures.
        case unknown = "UNKNOWN"
    }

    public let status: Int
    public let code: Code
    public let message: String
    /// The subject of the message, if that is a name or a digest.
    public let detail: String?

    public init(_ status: Int, _ code: Code, _ message: String, detail: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
    }

    public var body: [UInt8] {
        var error = JSONObject()
        error.append("code", .string(code.rawValue))
        error.append("message", .string(message))
        if let detail { error.append("detail", .string(detail)) }
        let document: JSONValue = ["errors": .array([.object(error)])]
        return document.bytes(.compact)
    }
}
