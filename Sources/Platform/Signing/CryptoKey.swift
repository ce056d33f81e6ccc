internal import CCrypto
internal import Glibc

/// Owns a key of libcrypto's.
@safe struct CryptoKey: ~Copyable {
    private let key: OpaquePointer

    private init?(_ key: OpaquePointer?) {
        guard let key = unsafe key else {
            ERR_clear_error()
            return nil
        }
        unsafe self.key = key
    }

    init?(owning key: OpaquePointer?) { unsafe self.init(key) }

    /// The same key, owned once more.
    init(sharing other: borrowing CryptoKey) {
        unsafe EVP_PKEY_up_ref(other.key)
        unsafe key = other.key
    }

    init?(publicPEM pem: Span<UInt8>) {
        unsafe self.init(
            pem.withUnsafeBufferPointer { bytes -> OpaquePointer? in
                guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                    return nil
                }
                defer { unsafe BIO_free(source) }
                return unsafe PEM_read_bio_PUBKEY(source, nil, givePassword, nil)
            })
    }

    /// `wasAsked`: the key is encrypted.
    init?(privatePEM pem: Span<UInt8>, password: Span<UInt8>, wasAsked: inout Bool) {
        var request = unsafe PasswordRequest()
        let read = unsafe pem.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
                return nil
            }
            defer { unsafe BIO_free(source) }
            return unsafe password.withUnsafeBufferPointer { secret in
                unsafe request.password = secret
                return unsafe PEM_read_bio_PrivateKey(source, nil, givePassword, &request)
            }
        }
        wasAsked = unsafe request.wasAsked
        unsafe self.init(read)
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// `EC`, `RSA`, `ED25519`.
    var kind: String { unsafe EVP_PKEY_get0_type_name(key).map { unsafe String(cString: $0) } ?? "" }

    /// As OpenSSL calls it.
    var curveName: String {
        var name = [CChar](repeating: 0, count: 80)
        let isKnown = unsafe name.withUnsafeMutableBufferPointer {
            unsafe EVP_PKEY_get_group_name(key, $0.baseAddress, $0.count, nil) == 1
        }
        ERR_clear_error()
        guard isKnown else { return "unknown" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// It was written as numbers: its PEM text is not the usual one, and the numbers may be anybody's.
    var hasExplicitCurve: Bool {
        var value: Int32 = 0
        let isKnown = unsafe EVP_PKEY_get_int_param(key, "decoded-from-explicit", &value) == 1
        ERR_clear_error()
        return isKnown && value != 0
    }

    /// The public half as `openssl pkey -pubout` prints it, its point in full.
    func publicPEM() -> [UInt8]? {
        guard unsafe EVP_PKEY_set_utf8_string_param(key, "point-format", "uncompressed") == 1,
            let sink = unsafe BIO_new(BIO_s_mem())
        else { return nil }
        defer { unsafe BIO_free(sink) }
        guard unsafe PEM_write_bio_PUBKEY(sink, key) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe bytes.withUnsafeMutableBufferPointer {
            unsafe BIO_read(sink, $0.baseAddress, Int32($0.count))
        }
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }

    func sign(_ bytes: Span<UInt8>, _ curve: Curve) -> [UInt8]? {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        defer { ERR_clear_error() }
        guard unsafe EVP_DigestSignInit(context, nil, curve.hash, nil, key) == 1 else { return nil }
        return unsafe bytes.withUnsafeBufferPointer { bytes -> [UInt8]? in
            var count = 0
            guard unsafe EVP_DigestSign(context, nil, &count, bytes.baseAddress, bytes.count) == 1 else { return nil }
            var signature = [UInt8](repeating: 0, count: count)
            let isMade = unsafe signature.withUnsafeMutableBufferPointer {
                unsafe EVP_DigestSign(context, $0.baseAddress, &count, bytes.baseAddress, bytes.count) == 1
            }
            return isMade ? Array(signature.prefix(count)) : nil
        }
    }

    func verifies(_ signature: Span<UInt8>, of bytes: Span<UInt8>, _ curve: Curve) -> Bool {
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        defer { ERR_clear_error() }
        guard unsafe EVP_DigestVerifyInit(context, nil, curve.hash, nil, key) == 1 else { return false }
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe EVP_DigestVerify(
                    context, signature.baseAddress, signature.count, bytes.baseAddress, bytes.count) == 1
            }
        }
    }
}

/// What libcrypto asks when a key is encrypted. Without this it would ask the terminal itself.
private func givePassword(
    _ room: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isForWriting: Int32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
    guard let request = unsafe user?.assumingMemoryBound(to: PasswordRequest.self) else { return -1 }
    unsafe request.pointee.wasAsked = true
    let password = unsafe request.pointee.password
    guard let room = unsafe room, let start = password.baseAddress, password.count <= Int(size) else {
        return -1
    }
    unsafe memcpy(room, start, password.count)
    return Int32(password.count)
}

/// Lent to libcrypto while it reads one key.
@unsafe private struct PasswordRequest {
    var password = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    var wasAsked = false
}

extension Curve {
    fileprivate var hash: OpaquePointer? {
        switch self {
        case .p256: unsafe EVP_sha256()
        case .p384: unsafe EVP_sha384()
        case .p521: unsafe EVP_sha512()
        }
    }
}

/// Bytes that nobody should find in memory later.
public enum Secret {
    public static func clear(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBufferPointer { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}
