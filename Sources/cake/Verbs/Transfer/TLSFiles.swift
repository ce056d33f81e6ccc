import Model
import Network

/// The certificate and its key, which are read again when they were renewed.
struct TLSFiles {
    let certificate: String?
    let key: String?

    var isComplete: Bool { (certificate == nil) == (key == nil) }

    func read() throws(CakeError) -> ServerCertificate? {
        guard let certificate, let key else { return nil }
        return try ServerCertificate(certificate: certificate, key: key)
    }
}
