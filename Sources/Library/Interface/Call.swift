internal import CCake
internal import Model
internal import Platform

/// Where a caller wants a text.
typealias TextPlace = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// Runs a call on a thread that is made for it, and answers with its kind. Locks remember the number of their thread, and in a
/// forked process the thread that forked has a wrong one: a new thread has not. `give` passes the result on.
func answer<Value: Sendable>(
    _ error: TextPlace?, _ body: @escaping @Sendable () throws(Refusal) -> Value, give: (Value) -> Void
) -> Int32 {
    let result = OwnThread.aside { Result { () throws(Refusal) in try body() } }
    switch result {
    case .success(let value):
        give(value)
        return unsafe tell(nil, error)
    case .failure(let refusal): return unsafe tell(refusal, error)
    case nil:
        return unsafe tell(Refusal(CAKE_SYSTEM, "cannot start a thread", fix: "allow more of them: ulimit -u"), error)
    }
}

/// Checks what a call was given, on the thread of the caller, and goes on with it.
func checked(_ error: TextPlace?, _ body: () throws(Refusal) -> Int32) -> Int32 {
    do {
        return try body()
    } catch let refusal {
        return unsafe tell(refusal, error)
    }
}

/// Nil for a call that did what it should.
func tell(_ refusal: Refusal?, _ error: TextPlace?) -> Int32 {
    unsafe error?.pointee = unsafe refusal.map { unsafe copy(Array($0.text.utf8)) }
    return Int32((refusal?.kind ?? CAKE_OK).rawValue)
}

/// A text that `cake_free` takes back.
func copy(_ text: [UInt8]) -> UnsafeMutablePointer<CChar> {
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count + 1)
    for index in text.indices { unsafe copy[index] = CChar(bitPattern: text[index]) }
    unsafe copy[text.count] = 0
    return unsafe copy
}

/// A text of the caller's. `what` names it in an error.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(Refusal) -> String {
    guard let pointer = unsafe pointer else { throw .invalid("\(what) is NULL") }
    guard let text = unsafe String(validatingCString: pointer) else { throw .invalid("\(what) is not UTF-8") }
    return text
}

/// What a handle stands for: a store or a model that this process has opened.
protocol Handle: AnyObject, Sendable {
    static var what: String { get }
    /// The process that opened it.
    var process: Int { get }
}

extension Handle {
    /// The handle that a caller keeps until it is closed.
    var retained: OpaquePointer { unsafe OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }

    static func at(_ pointer: OpaquePointer?) throws(Refusal) -> Self {
        guard let pointer = unsafe pointer else { throw .invalid("the \(what) is NULL") }
        let handle = unsafe Unmanaged<Self>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
        guard handle.process == Machine.process else {
            throw Refusal(
                CAKE_INVALID, "the \(what) was opened before fork()", fix: "open it anew in this process")
        }
        return handle
    }

    /// Where no thread can be started, it stays.
    static func close(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return }
        let address = UInt(bitPattern: pointer)
        _ = OwnThread.aside {
            guard let pointer = unsafe UnsafeRawPointer(bitPattern: address) else { return }
            unsafe Unmanaged<Self>.fromOpaque(pointer).release()
        }
    }
}
