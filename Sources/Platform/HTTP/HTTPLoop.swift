internal import CCurl
internal import CShims
internal import Glibc
internal import Model
internal import Synchronization

/// libcurl's one thread. Handles are added, paused, resumed and removed on it alone; everybody else leaves a wish and
/// wakes it.
@safe final class HTTPLoop: @unchecked Sendable {
    private enum Wish: Sendable {
        case start(HTTPTransfer)
        case resume(HTTPTransfer)
        case cancel(HTTPTransfer)
        case stop
    }

    private struct Wishes {
        var list: [Wish] = []
        /// Afterwards there is nothing to wake: exchanges may outlive their client.
        var isClosed = false
    }

    private let wishes = Mutex(Wishes())
    private let multi: UnsafeMutableRawPointer
    private var lastLook = ContinuousClock.now
    private let settings: HTTPSettings
    /// Touched by the loop's thread only.
    private var running: [ObjectIdentifier: Running] = [:]
    /// Who got bytes since readers were woken last; touched by the loop's thread only.
    private var arrived: [ObjectIdentifier: HTTPTransfer] = [:]

    private struct Running {
        let transfer: HTTPTransfer
        let handle: HTTPHandle
        /// Bytes that went either way, and when there were last more of them.
        var moved: Int64 = 0
        var since = ContinuousClock.now
    }

    init(_ settings: HTTPSettings) throws(CakeError) {
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let multi = unsafe curl_multi_init() else { throw CakeError(.failed, "libcurl does not start") }
        unsafe self.multi = multi
        self.settings = settings
        unsafe cake_curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, 128)
        Thread.start { self.run() }
    }

    func start(_ transfer: HTTPTransfer) { wish(.start(transfer)) }
    func resume(_ transfer: HTTPTransfer) { wish(.resume(transfer)) }
    func cancel(_ transfer: HTTPTransfer) { wish(.cancel(transfer)) }
    func stop() { wish(.stop) }

    /// From within libcurl's calls, on the loop's thread.
    func note(arrivalAt transfer: HTTPTransfer) { arrived[ObjectIdentifier(transfer)] = transfer }

    private func wish(_ wish: Wish) {
        let isLate = wishes.withLock { wishes in
            guard !wishes.isClosed else { return true }
            wishes.list.append(wish)
            unsafe curl_multi_wakeup(multi)
            return false
        }
        if isLate, case .start(let transfer) = wish { transfer.finish(.failure(HTTPLoop.givenUp)) }
    }

    private func run() {
        while true {
            for wish in wishes.withLock({ wishes in
                defer { wishes.list = [] }
                return wishes.list
            }) {
                switch wish {
                case .start(let transfer): begin(transfer)
                case .resume(let transfer): running[ObjectIdentifier(transfer)]?.handle.resume()
                case .cancel(let transfer): end(transfer, .failure(HTTPLoop.givenUp))
                case .stop: return close()
                }
            }
            var count: Int32 = 0
            unsafe curl_multi_perform(multi, &count)
            for transfer in arrived.values { transfer.deliver() }
            // More comes at once while bytes come at all: to look for each packet costs more than it brings.
            if !arrived.isEmpty { usleep(HTTPLoop.breath) }
            arrived.removeAll(keepingCapacity: true)
            takeMessages()
            cutStalled()
            if wishes.withLock({ $0.list.isEmpty }) { unsafe curl_multi_poll(multi, nil, 0, 250, nil) }
        }
    }

    private func begin(_ transfer: HTTPTransfer) {
        guard let handle = HTTPHandle(transfer, settings) else {
            return transfer.finish(.failure(CakeError(.failed, "libcurl takes no more requests")))
        }
        running[ObjectIdentifier(transfer)] = Running(transfer: transfer, handle: handle)
        unsafe curl_multi_add_handle(multi, handle.easy)
    }

    private func takeMessages() {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else {
                continue
            }
            let code = unsafe cake_curl_message_result(message)
            guard let found = running.values.first(where: { unsafe $0.handle.easy == easy }) else { continue }
            end(found.transfer, code == CURLE_OK ? .success(()) : .failure(found.handle.error(code)))
        }
    }

    /// libcurl has a limit of its own, but takes the mean of the last seconds: it would be seconds late.
    private func cutStalled() {
        let now = ContinuousClock.now
        guard now - lastLook >= .milliseconds(200) else { return }
        lastLook = now
        for (key, found) in running {
            let moved = found.handle.moved
            if moved != found.moved || found.transfer.isPaused {
                running[key]?.moved = moved
                running[key]?.since = now
            } else if now - found.since >= .seconds(settings.stallSeconds) {
                end(found.transfer, .failure(CakeError(.network, "no byte came for \(settings.stallSeconds) s")))
            }
        }
    }

    private func end(_ transfer: HTTPTransfer, _ result: Result<Void, CakeError>) {
        guard let found = running.removeValue(forKey: ObjectIdentifier(transfer)) else { return }
        unsafe curl_multi_remove_handle(multi, found.handle.easy)
        transfer.finish(result)
    }

    /// In microseconds.
    private static let breath: UInt32 = 1000
    private static let givenUp = CakeError(.network, "the transfer was given up")

    private func close() {
        for found in running.values { end(found.transfer, .failure(HTTPLoop.givenUp)) }
        wishes.withLock { wishes in
            wishes.isClosed = true
            unsafe curl_multi_cleanup(multi)
        }
    }
}

/// One of libcurl's easy handles, set up for a request. The loop's thread alone touches it.
@safe final class HTTPHandle {
    let easy: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let transfer: HTTPTransfer
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init?(_ transfer: HTTPTransfer, _ settings: HTTPSettings) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        unsafe self.easy = easy
        self.transfer = transfer
        unsafe words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let request = transfer.request
        unsafe cake_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, words)
        unsafe cake_curl_set_text(easy, CURLOPT_URL, request.url)
        unsafe cake_curl_set_text(easy, CURLOPT_USERAGENT, settings.userAgent)
        unsafe cake_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        unsafe cake_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
        unsafe cake_curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
        // What a proxy says to CONNECT is no answer of the server's.
        unsafe cake_curl_set_number(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        unsafe cake_curl_set_number(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        unsafe cake_curl_set_number(easy, CURLOPT_BUFFERSIZE, 256 << 10)
        unsafe cake_curl_set_number(easy, CURLOPT_CONNECTTIMEOUT, settings.connectSeconds)
        unsafe cake_curl_set_number(easy, CURLOPT_TCP_KEEPALIVE, 1)
        if let certificates = settings.certificates { unsafe cake_curl_set_text(easy, CURLOPT_CAINFO, certificates) }
        switch request.method {
        case .get: break
        case .head: unsafe cake_curl_set_number(easy, CURLOPT_NOBODY, 1)
        case .post:
            unsafe cake_curl_set_number(easy, CURLOPT_POST, 1)
            unsafe cake_curl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            unsafe request.body.withUnsafeBytes { body in
                _ = unsafe cake_curl_set_pointer(
                    easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
            }
        }
        var lines = request.headers.map { "\($0.name): \($0.value)" }
        // Nobody asked for another encoding, and lengths are to be what they say.
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

    private static let receiveHeader: cake_curl_receiver = { bytes, size, count, context in
        guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
        let transfer = unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
        let length = size * count
        var line = unsafe UnsafeRawBufferPointer(start: bytes, count: length)[...]
        while let last = unsafe line.last, last == 13 || last == 10 { unsafe line.removeLast() }
        return unsafe transfer.receive(headerLine: String(decoding: line, as: UTF8.self)) ? length : 0
    }

    /// What went wrong, for a person; the URL is left to whoever asked, since its query may be a secret.
    func error(_ code: CURLcode) -> CakeError {
        let detail = unsafe String(cString: words)
        let text = unsafe detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        return CakeError(.network, Printable.escape(text), fix: remedy(code))
    }

    /// What a person can do about it, where trying again is no use.
    private func remedy(_ code: CURLcode) -> String? {
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            return "if that server's certificates are your own, SSL_CERT_FILE=FILE names the root to trust"
        case CURLE_COULDNT_RESOLVE_PROXY:
            return "look at http_proxy, https_proxy and no_proxy in the environment"
        default:
            var status = 0
            unsafe cake_curl_get_number(easy, CURLINFO_HTTP_CONNECTCODE, &status)
            return status == HTTPHandle.proxyWantsPassword ? HTTPHandle.proxyAdvice : nil
        }
    }

    private static let proxyWantsPassword = 407
    private static let proxyAdvice = "the proxy wants a password: https_proxy=http://NAME:PASSWORD@HOST:PORT"

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(headers)
        unsafe words.deallocate()
    }
}
