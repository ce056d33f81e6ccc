internal import CCrypto
internal import Glibc
public import Model

/// Certificates that a person trusts: whoever holds one of them, or one that they certified, may sign.
@safe public struct CertificateAuthorities: ~Copyable {
    private let store: OpaquePointer

    /// From PEM text with one certificate or more.
    public static func read(pem: Span<UInt8>) throws(CakeError) -> CertificateAuthorities {
        let made = CertificateAuthorities()
        guard made.add(pem) > 0 else {
            throw CakeError(.usage, "it is not a certificate in PEM that libcrypto can read")
        }
        return made
    }

    private init() {
        guard let made = unsafe X509_STORE_new() else { preconditionFailure("libcrypto has no memory") }
        unsafe store = made
    }

    deinit { unsafe X509_STORE_free(store) }

    /// How many were read; 0 where one of them is wrong.
    private func add(_ pem: Span<UInt8>) -> Int {
        defer { ERR_clear_error() }
        return unsafe pem.withUnsafeBufferPointer { bytes -> Int in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return 0 }
            defer { unsafe BIO_free(source) }
            var count = 0
            while let certificate = unsafe PEM_read_bio_X509(source, nil, nil, nil) {
                defer { unsafe X509_free(certificate) }
                guard unsafe X509_STORE_add_cert(store, certificate) == 1 else { return 0 }
                count += 1
            }
            // It ends where no further text begins.
            return ERR_peek_last_error() & 0xfff == UInt(PEM_R_NO_START_LINE) ? count : 0
        }
    }

    /// The holder of the first certificate of a chain, if it leads to one that is trusted and may be used to sign. Nothing proves
    /// when a signature was made, so dates are compared with the day on which that certificate began to be valid, as the
    /// format's own tool does.
    func holder(of chain: [[UInt8]]) throws(CakeError) -> Holder {
        guard let first = chain.first, let leaf = Certificate(der: first.span), let others = CertificateList() else {
            throw CakeError(.damaged, "its certificate cannot be read")
        }
        for der in chain.dropFirst() {
            guard let other = Certificate(der: der.span), others.add(other) else {
                throw CakeError(.damaged, "a certificate of its chain cannot be read")
            }
        }
        guard !leaf.isKeyless else {
            throw CakeError(
                .failed, "its certificate stands for a login at an identity provider, which cake does not verify",
                fix: "ask its signer for a signature with a key, or with a certificate of your organisation")
        }
        if let trouble = unsafe leaf.trouble(in: store, beside: others) {
            throw CakeError(.damaged, "its certificate (\(leaf.subject)) does not lead to yours: \(trouble)")
        }
        guard leaf.maySign else {
            throw CakeError(
                .damaged, "its certificate (\(leaf.subject)) is not for signatures",
                fix: "its signer needs one with digitalSignature or codeSigning")
        }
        guard let key = leaf.key() else {
            throw CakeError(.damaged, "its certificate has no key that libcrypto knows")
        }
        return Holder(key: try VerifyingKey(of: key), subject: leaf.subject)
    }

    struct Holder: ~Copyable {
        let key: VerifyingKey
        let subject: String
    }
}

@safe private struct Certificate: ~Copyable {
    let pointer: OpaquePointer

    /// Not one byte more.
    init?(der: Span<UInt8>) {
        let count = der.count
        let found = unsafe der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
            guard let start = bytes.baseAddress else { return nil }
            var next: UnsafePointer<UInt8>? = unsafe start
            guard let made = unsafe d2i_X509(nil, &next, count) else { return nil }
            guard unsafe next == start + count else {
                unsafe X509_free(made)
                return nil
            }
            return unsafe made
        }
        ERR_clear_error()
        guard let found = unsafe found else { return nil }
        unsafe pointer = found
    }

    deinit { unsafe X509_free(pointer) }

    /// Why it is not to be trusted; nil if it is.
    func trouble(in store: OpaquePointer, beside others: borrowing CertificateList) -> String? {
        guard let context = unsafe X509_STORE_CTX_new() else { return "libcrypto has no memory" }
        defer { unsafe X509_STORE_CTX_free(context) }
        defer { ERR_clear_error() }
        guard unsafe X509_STORE_CTX_init(context, store, pointer, others.pointer) == 1,
            let terms = unsafe X509_STORE_CTX_get0_param(context)
        else { return "libcrypto has no memory" }
        // An authority of a department is trusted without the one above it.
        _ = unsafe X509_VERIFY_PARAM_set_flags(terms, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        unsafe X509_VERIFY_PARAM_set_auth_level(terms, 1)
        var begin = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(X509_get0_notBefore(pointer), &begin) == 1 else { return "it has no date" }
        unsafe X509_VERIFY_PARAM_set_time(terms, timegm(&begin))
        if unsafe X509_verify_cert(context) == 1 { return nil }
        let code = unsafe X509_STORE_CTX_get_error(context)
        return unsafe String(cString: X509_verify_cert_error_string(Int(code)))
    }

    var maySign: Bool {
        let flags = unsafe X509_get_extension_flags(pointer)
        let usage = unsafe X509_get_key_usage(pointer)
        let extended = unsafe X509_get_extended_key_usage(pointer)
        if flags & UInt32(EXFLAG_KUSAGE) != 0, usage & UInt32(KU_DIGITAL_SIGNATURE) != 0 { return true }
        return flags & UInt32(EXFLAG_XKUSAGE) != 0 && extended & UInt32(XKU_CODE_SIGN) != 0
    }

    /// Its issuer asked an identity provider who its holder is, and wrote the provider down.
    var isKeyless: Bool {
        ["1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"].contains { name in
            guard let object = unsafe OBJ_txt2obj(name, 1) else { return true }
            defer { unsafe ASN1_OBJECT_free(object) }
            return unsafe X509_get_ext_by_OBJ(pointer, object, -1) >= 0
        }
    }

    var subject: String {
        var text = [CChar](repeating: 0, count: 400)
        let count = Int32(text.count)
        _ = unsafe text.withUnsafeMutableBufferPointer {
            unsafe X509_NAME_oneline(X509_get_subject_name(pointer), $0.baseAddress, count)
        }
        return Printable.escape(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    func key() -> CryptoKey? {
        defer { ERR_clear_error() }
        return unsafe CryptoKey(owning: X509_get_pubkey(pointer))
    }
}

/// What libcrypto calls a stack.
@safe private struct CertificateList: ~Copyable {
    let pointer: OpaquePointer

    init?() {
        guard let made = unsafe OPENSSL_sk_new_null() else { return nil }
        unsafe pointer = made
    }

    deinit {
        while let last = unsafe OPENSSL_sk_pop(pointer) { unsafe X509_free(OpaquePointer(last)) }
        unsafe OPENSSL_sk_free(pointer)
    }

    func add(_ certificate: borrowing Certificate) -> Bool {
        unsafe X509_up_ref(certificate.pointer)
        let count = unsafe OPENSSL_sk_push(pointer, UnsafeRawPointer(certificate.pointer))
        guard count > 0 else {
            unsafe X509_free(certificate.pointer)
            return false
        }
        return true
    }
}
