/// `s3://bucket/prefix`: a bucket, and the keys in it that begin with a prefix and a slash.
public struct S3Place: Hashable, Sendable, CustomStringConvertible {
    public static let scheme = "s3://"

    public let bucket: String
    /// Without slashes at its ends; empty for all of the bucket.
    public let prefix: String

    public init(_ text: String) throws(CakeError) {
        func refuse(_ why: String) -> CakeError {
            CakeError(.usage, "\"\(Printable.escape(text))\" \(why)", fix: "write it like s3://bucket/models")
        }
        guard text.hasPrefix(S3Place.scheme) else { throw refuse("does not begin with s3://") }
        let rest = text.dropFirst(S3Place.scheme.count)
        let bucket = rest.prefix { $0 != "/" }
        guard S3Place.isBucket(bucket) else { throw refuse("names no bucket that S3 allows") }
        var prefix = rest[bucket.endIndex...].drop { $0 == "/" }
        while prefix.last == "/" { prefix.removeLast() }
        if !prefix.isEmpty, !S3Place.isKey(prefix) {
            throw refuse("has a prefix with an empty word, a dot or a control character as a word")
        }
        self.bucket = String(bucket)
        self.prefix = String(prefix)
    }

    /// The key of a value below the prefix.
    public func key(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix)/\(key)" }

    public var description: String { S3Place.scheme + bucket + (prefix.isEmpty ? "" : "/" + prefix) }

    /// Also the wider rules of engines other than Amazon's.
    static func isBucket(_ text: some StringProtocol) -> Bool {
        guard (3...255).contains(text.utf8.count), text.first != ".", text.last != ".", !text.contains("..") else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            }
        }
    }

    /// Words between slashes that no client on the way changes: libraries of HTTP remove `.` and `..`.
    static func isKey(_ text: some StringProtocol) -> Bool {
        guard text.utf8.count <= 1024, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".."
        }
    }
}
