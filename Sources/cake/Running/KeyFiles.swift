import Model
import Platform

/// Keys for signatures, from files that a person named.
extension Session {
    private static let longestKey = TrustedSigner.longestFile
    /// libcrypto takes no longer one.
    private static let longestPassword = 1024

    /// A private key. The password of an encrypted one comes from a file, or from the person.
    func signingKey(_ path: String, passwordFile: String?) async throws -> SigningKey {
        var pem = try keyBytes(path)
        defer { Secret.clear(&pem) }
        var password = try passwordFile.map { path throws(CakeError) in try self.password(in: path) } ?? []
        defer { Secret.clear(&password) }
        if password.isEmpty, SigningKey.isEncrypted(pem.span) { password = try await typedPassword(for: path) }
        do throws(CakeError) {
            return try SigningKey(pem: pem.span, password: password.span)
        } catch { throw error.at(Printable.escape(path)) }
    }

    /// Whose signatures count.
    func trustedSigner(_ file: SignatureCheck.TrustedFile) throws(CakeError) -> TrustedSigner {
        let pem = try keyBytes(file.path)
        do throws(CakeError) {
            switch file {
            case .key: return try TrustedSigner(key: pem.span)
            case .certificates: return try TrustedSigner(authorities: pem.span)
            }
        } catch { throw error.at(Printable.escape(file.path)) }
    }

    private func typedPassword(for path: String) async throws -> [UInt8] {
        let shown = Printable.escape(path)
        guard terminal.isTerminal(.input), terminal.isTerminal(.errors) else {
            throw CakeError(
                .usage, "\(shown) is encrypted, and there is no terminal to ask for its password",
                fix: "put the password in a file that only you can read, and add --key-password-file FILE")
        }
        errors.write("Password of \(shown) (not shown): ")
        let typed = try await input.secretLine()
        errors.line("")
        guard let typed, !typed.isEmpty else { throw CakeError(.usage, "no password was given for \(shown)") }
        return Array(typed.utf8)
    }

    private func keyBytes(_ path: String) throws(CakeError) -> [UInt8] {
        do {
            return try Disk.read(try settings.inHome(path), limit: Session.longestKey)
        } catch {
            guard error.kind == .damaged else { throw error }
            throw CakeError(.usage, "\(Printable.escape(path)) is too large for a key")
        }
    }

    /// The file's first line.
    private func password(in path: String) throws(CakeError) -> [UInt8] {
        var bytes = try keyBytes(path)
        defer { Secret.clear(&bytes) }
        let line = bytes.prefix { $0 != 0x0a && $0 != 0x0d }
        guard (1...Session.longestPassword).contains(line.count) else {
            throw CakeError(
                .usage,
                "the first line of \(Printable.escape(path)) is \(line.isEmpty ? "empty" : "too long for a password")")
        }
        return Array(line)
    }
}
