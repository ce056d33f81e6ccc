public import Model
internal import Platform

/// A server's certificate with its chain, and its key, in PEM form.
public struct ServerCertificate: Sendable {
    let certificate: [UInt8]
    let key: [UInt8]

    public init(certificate: String, key: String) throws(CakeError) {
        self.certificate = try ServerCertificate.read(certificate, "a certificate")
        self.key = try ServerCertificate.read(key, "a key")
    }

    private static func read(_ path: String, _ what: String) throws(CakeError) -> [UInt8] {
        let bytes = try Disk.read(path, limit: 1 << 20)
        guard bytes.firstRange(of: Array("-----BEGIN ".utf8)) != nil, !bytes.contains(0) else {
            throw CakeError(
                .usage, "\(Printable.escape(path)) contains no \(what.drop { $0 != " " }.dropFirst()) in PEM form",
                fix: "use \(what) that begins with -----BEGIN")
        }
        return bytes
    }
}
