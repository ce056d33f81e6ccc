internal import CCurl
internal import CNetwork
internal import Glibc
internal import Model
internal import Platform

/// One of libcurl's easy handles, set up for a request. The loop's thread alone touches it.
@safe final class HTTPHandle {
    let easy: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var addresses: UnsafeMutablePointer<curl_slist>?
    private let transfer: HTTPTransfer
    private let way: Way

    /// The connection between the client and the server: direct or through a proxy.
    private enum Way {
        case direct
        case proxy
        /// A test's host, that has another address's reach.
        case played(Host.Reach)
    }
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init?(_ transfer: HTTPTransfer, _ settings: HTTPSettings) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        unsafe self.easy = easy
        self.transfer = transfer
        let origin = (try? WebURL(transfer.request.url))?.origin
        let (proxy, host) = (origin.flatMap(settings.proxies.proxy), origin.flatMap { settings.hosts[$0.host.text] })
        way = proxy != nil ? .proxy : host?.reach.map { .played($0) } ?? .direct
        unsafe words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let request = transfer.request
        unsafe cake_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, words)
        unsafe cake_curl_set_text(easy, CURLOPT_URL, request.url)
        unsafe cake_curl_set_text(easy, CURLOPT_USERAGENT, settings.userAgent)
        unsafe cake_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        unsafe cake_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
        unsafe cake_curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
        // A proxy's answer to CONNECT is not the server's answer.
        unsafe cake_curl_set_number(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        unsafe cake_curl_set_number(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        unsafe cake_curl_set_number(easy, CURLOPT_BUFFERSIZE, 256 << 10)
        unsafe cake_curl_set_number(easy, CURLOPT_CONNECTTIMEOUT, settings.connectSeconds)
        unsafe cake_curl_set_number(easy, CURLOPT_TCP_KEEPALIVE, 1)
        // Empty for none: libcurl reads no variables itself. A proxy is used for everything: the address behind it could not be
        // checked.
        unsafe cake_curl_set_text(easy, CURLOPT_PROXY, proxy ?? "")
        if proxy != nil { unsafe cake_curl_set_text(easy, CURLOPT_NOPROXY, "") }
        if let origin, let host {
            unsafe addresses = unsafe curl_slist_append(nil, "\(origin.host.text):\(origin.port):\(host.address)")
            unsafe cake_curl_set_list(easy, CURLOPT_RESOLVE, addresses)
        }
        if let certificates = settings.certificates { unsafe cake_curl_set_text(easy, CURLOPT_CAINFO, certificates) }
        if let folders = settings.certificateFolders { unsafe cake_curl_set_text(easy, CURLOPT_CAPATH, folders) }
        switch request.method {
        case .get: break
        case .head: unsafe cake_curl_set_number(easy, CURLOPT_NOBODY, 1)
        case .delete: unsafe cake_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .post, .put, .patch: setBody()
        }
        var lines = request.headers.map { "\($0.name): \($0.value)" }
        // No other encoding is wanted: lengths must be those of the body.
        lines.append("Accept-Encoding: identity")
        if let range = request.range, !range.isEmpty {
            lines.append("Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        }
        for line in lines { unsafe headers = unsafe curl_slist_append(headers, line) }
        unsafe cake_curl_set_list(easy, CURLOPT_HTTPHEADER, headers)
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        unsafe cake_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)
        unsafe cake_curl_set_receiver(easy, CURLOPT_WRITEFUNCTION, HTTPHandle.receiveBody)
        unsafe cake_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
        unsafe cake_curl_set_receiver(easy, CURLOPT_HEADERFUNCTION, HTTPHandle.receiveHeader)
        unsafe cake_curl_set_pointer(easy, CURLOPT_PREREQDATA, Unmanaged.passUnretained(self).toOpaque())
        unsafe cake_curl_set_judge(easy, HTTPHandle.judge)
    }

    /// A body that is fed goes as an upload, which may pause; other bodies are copied.
    private func setBody() {
        let request = transfer.request
        if let outgoing = transfer.outgoing {
            unsafe cake_curl_set_number(easy, CURLOPT_UPLOAD, 1)
            unsafe cake_curl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(clamping: outgoing.length))
            unsafe cake_curl_set_number(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
            unsafe cake_curl_set_pointer(easy, CURLOPT_READDATA, Unmanaged.passUnretained(transfer).toOpaque())
            unsafe cake_curl_set_receiver(easy, CURLOPT_READFUNCTION, HTTPHandle.giveBody)
        } else {
            unsafe cake_curl_set_number(easy, CURLOPT_POST, 1)
            unsafe cake_curl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            unsafe request.body.withUnsafeBytes { body in
                _ = unsafe cake_curl_set_pointer(
                    easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
            }
        }
        if request.method != .post || transfer.outgoing != nil {
            unsafe cake_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    /// Bytes that went either way, heads included.
    var moved: Int64 {
        var head = 0
        var down: curl_off_t = 0
        var up: curl_off_t = 0
        unsafe cake_curl_get_number(easy, CURLINFO_HEADER_SIZE, &head)
        unsafe cake_curl_get_offset(easy, CURLINFO_SIZE_DOWNLOAD_T, &down)
        unsafe cake_curl_get_offset(easy, CURLINFO_SIZE_UPLOAD_T, &up)
        return Int64(head) + Int64(down) + Int64(up)
    }

    func resume() { unsafe curl_easy_pause(easy, CURLPAUSE_CONT) }

    private static let receiveBody: cake_curl_receiver = { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
        let length = size * count
        let span = unsafe Span<UInt8>(
            _unsafeStart: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), count: length)
        return transfer.receive(span) ? length : Int(CURL_WRITEFUNC_PAUSE)
    }

    private static let giveBody: cake_curl_receiver = { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
        var room = unsafe MutableSpan<UInt8>(
            _unsafeStart: UnsafeMutableRawPointer(bytes).assumingMemoryBound(to: UInt8.self), count: size * count)
        return transfer.outgoing?.fill(&room) ?? Int(CURL_READFUNC_PAUSE)
    }

    private static let receiveHeader: cake_curl_receiver = { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
        let length = size * count
        var line = unsafe UnsafeRawBufferPointer(start: bytes, count: length)[...]
        while let last = unsafe line.last, last == 13 || last == 10 { unsafe line.removeLast() }
        return unsafe transfer.receive(headerLine: String(decoding: line, as: UTF8.self)) ? length : 0
    }

    /// Whether a request may be sent to the address that was connected, as if by a new connection or by one from before.
    private static let judge: cake_curl_judge = { context, there, _, _, _ in
        guard let there = unsafe there, let context = unsafe context else { return CURL_PREREQFUNC_ABORT }
        let handle = unsafe Unmanaged<HTTPHandle>.fromOpaque(context).takeUnretainedValue()
        let reach: Host.Reach? =
            switch handle.way {
            case .proxy: nil
            case .played(let reach): reach
            case .direct: unsafe Host.Reach(ofAddress: String(cString: there))
            }
        return handle.transfer.connected(reach) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }

    /// The failure, for a person. The caller adds the URL, because its query may be a secret.
    func error(_ code: CURLcode) -> CakeError {
        if let refusal = transfer.refusal { return refusal }
        let detail = unsafe String(cString: words)
        let text = unsafe detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        return CakeError(.network, Printable.escape(text), fix: remedy(code))
    }

    /// What a person can do, if trying again is useless.
    private func remedy(_ code: CURLcode) -> String? {
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return "if the server uses your own certificate authority, name its root certificate: SSL_CERT_FILE=FILE"
        case CURLE_COULDNT_RESOLVE_PROXY:
            return "check http_proxy, https_proxy and no_proxy in the environment"
        default:
            var status = 0
            unsafe cake_curl_get_number(easy, CURLINFO_HTTP_CONNECTCODE, &status)
            return status == HTTPHandle.proxyWantsPassword ? HTTPHandle.proxyAdvice : nil
        }
    }

    private static let proxyWantsPassword = 407
    private static let proxyAdvice = "the proxy needs a password: https_proxy=http://NAME:PASSWORD@HOST:PORT"

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(headers)
        unsafe curl_slist_free_all(addresses)
        unsafe words.deallocate()
    }
}
