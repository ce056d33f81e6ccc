/// The name of a blob in a registry: an algorithm and its digest of the bytes. The store's `Digest` is always a SHA-256
/// of a layer's plain bytes; this one is of bytes as a registry stores them.
public struct BlobName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public enum Algorithm: String, CaseIterable, Sendable {
        case sha256, sha512

        var digits: Int { self == .sha256 ? 64 : 128 }
    }

    public let algorithm: Algorithm
    /// Lower-case, as many digits as the algorithm gives: no other text becomes part of a path.
    public let hex: String

    public init(_ digest: Digest) {
        algorithm = .sha256
        hex = digest.hex
    }

    /// `sha256:` or `sha512:` and its digits in lower case: the one spelling.
    public init?(_ text: some StringProtocol) { self.init(text, separator: ":") }

    /// As `fileName` writes it.
    public init?(fileName: String) { self.init(fileName, separator: "-") }

    private init?(_ text: some StringProtocol, separator: Unicode.Scalar) {
        let bytes = Array(text.utf8)
        guard let algorithm = Algorithm.allCases.first(where: { bytes.starts(with: $0.rawValue.utf8) }) else {
            return nil
        }
        let rest = bytes.dropFirst(algorithm.rawValue.utf8.count)
        guard rest.first == UInt8(ascii: separator), rest.count == 1 + algorithm.digits,
            rest.dropFirst().allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.algorithm = algorithm
        hex = String(decoding: rest.dropFirst(), as: UTF8.self)
    }

    /// The name as a digest, when it is a SHA-256.
    public var sha256: Digest? { algorithm == .sha256 ? Digest(hex: hex) : nil }

    /// A colon is awkward in paths.
    public var fileName: String { "\(algorithm.rawValue)-\(hex)" }

    public var description: String { "\(algorithm.rawValue):\(hex)" }

    public static func < (left: BlobName, right: BlobName) -> Bool {
        (left.algorithm.rawValue, left.hex) < (right.algorithm.rawValue, right.hex)
    }
}
