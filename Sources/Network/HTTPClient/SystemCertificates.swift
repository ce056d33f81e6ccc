internal import CNetwork
internal import Platform

/// Where this system has the certificates that it trusts. A libcurl that was built elsewhere names a file of another system,
/// or none.
package enum SystemCertificates {
    package static let places = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Alpine
        "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, RHEL
        "/etc/ssl/ca-bundle.pem",  // openSUSE
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // the same, made by update-ca-trust
        "/etc/ssl/cert.pem",  // Alpine without ca-certificates
    ]

    /// Nil where libcurl's own file is there, or no file at all.
    static var file: String? {
        let own = unsafe cake_curl_certificates().map { unsafe String(cString: $0) }
        return file(own: own) { (try? Disk.exists($0)) == true }
    }

    package static func file(own: String?, isThere: (String) -> Bool) -> String? {
        if let own, isThere(own) { return nil }
        return places.first(where: isThere)
    }
}
