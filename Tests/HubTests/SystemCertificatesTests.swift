import Network
import Testing

@Suite struct `The system's certificates` {
    let fedora = "/etc/pki/tls/certs/ca-bundle.crt"

    @Test func `are those that libcurl was built with, where they are there`() {
        #expect(SystemCertificates.file(own: "/own.pem") { _ in true } == nil)
    }

    @Test func `are looked for where other systems have them`() {
        #expect(SystemCertificates.file(own: "/own.pem") { $0 == fedora } == fedora)
        #expect(SystemCertificates.file(own: nil) { $0 == fedora } == fedora)
    }

    @Test func `are left to libcurl if there are none`() {
        #expect(SystemCertificates.file(own: "/own.pem") { _ in false } == nil)
    }
}
