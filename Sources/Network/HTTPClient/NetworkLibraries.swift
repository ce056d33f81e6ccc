internal import CMicroHTTPD
internal import CNetwork
public import Platform

extension UsedLibrary {
    /// Those of this target. libcurl names what it speaks TLS with; GnuTLS is the server's.
    public static var ofNetwork: [UsedLibrary] {
        unsafe [
            UsedLibrary("libcurl", cake_curl_version()),
            UsedLibrary("libmicrohttpd", MHD_get_version()),
            UsedLibrary("gnutls", cake_gnutls_version()),
        ].compactMap(\.self)
    }
}

/// What this system gives a client of HTTPS.
public enum TrustedCertificates {
    /// The file of certificates that is used where no variable names another. Nil where there is none.
    public static var file: String? {
        if let file = SystemCertificates.file { return file }
        let own = unsafe cake_curl_certificates().map { unsafe String(cString: $0) }
        return own.flatMap { (try? Disk.exists($0)) == true ? $0 : nil }
    }
}
