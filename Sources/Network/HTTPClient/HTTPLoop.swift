internal import CCurl
internal import CNetwork
internal import Glibc
internal import Model
internal import Platform
internal import Synchronization

/// libcurl's one thread. Only it adds, pauses, resumes and removes handles; other threads leave a request and wake it.
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
    /// Transfers that got bytes since readers were last woken; used by the loop's thread only.
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
        OwnThread.start { self.run() }
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
            // While bytes come, more come at once: looking for each packet costs more than it gains.
            if !arrived.isEmpty { usleep(HTTPLoop.breath) }
            arrived.removeAll(keepingCapacity: true)
            takeMessages()
            cutStalled()
            if wishes.withLock({ $0.list.isEmpty }) { unsafe curl_multi_poll(multi, nil, 0, 250, nil) }
        }
    }

    private func begin(_ transfer: HTTPTransfer) {
        guard let handle = HTTPHandle(transfer, settings) else {
            return transfer.finish(.failure(CakeError(.failed, "libcurl accepts no more requests")))
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
                continue
            }
            let patience = found.transfer.request.stallSeconds ?? settings.stallSeconds
            guard now - found.since >= .seconds(patience) else { continue }
            end(found.transfer, .failure(CakeError(.network, "no data for \(patience) s")))
        }
    }

    private func end(_ transfer: HTTPTransfer, _ result: Result<Void, CakeError>) {
        guard let found = running.removeValue(forKey: ObjectIdentifier(transfer)) else { return }
        unsafe curl_multi_remove_handle(multi, found.handle.easy)
        transfer.finish(result)
    }

    /// In microseconds.
    private static let breath: UInt32 = 1000
    private static let givenUp = CakeError(.network, "the transfer was cancelled")

    private func close() {
        for found in running.values { end(found.transfer, .failure(HTTPLoop.givenUp)) }
        wishes.withLock { wishes in
            wishes.isClosed = true
            unsafe curl_multi_cleanup(multi)
        }
    }
}
