internal import CCake
internal import Model
internal import Platform

@c @implementation
public func cake_interface() -> UInt32 { UInt32(CAKE_INTERFACE) }

@c @implementation
public func cake_version() -> UnsafePointer<CChar>? { unsafe StaticText.version.start }

/// A text that lives as long as the process.
@safe private struct StaticText: @unchecked Sendable {
    static let version = StaticText(CakeVersion.text)

    let start: UnsafePointer<CChar>

    init(_ text: String) { unsafe start = unsafe UnsafePointer(copy(Array(text.utf8))) }
}

@c @implementation
public func cake_free(_ text: UnsafeMutableRawPointer?) { unsafe text?.deallocate() }

@c @implementation
public func cake_store_open(
    _ path: UnsafePointer<CChar>?, _ store: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        guard let store = unsafe store else { throw .invalid("the place for the store is NULL") }
        unsafe store.pointee = nil
        let path = unsafe path == nil ? nil : try text(path, "the path")
        return unsafe answer(error) { () throws(Refusal) in
            try refusing { () throws(CakeError) in try OpenStore(at: path) }
        } give: {
            unsafe store.pointee = $0.retained
        }
    }
}

@c @implementation
public func cake_store_close(_ store: OpaquePointer?) { unsafe OpenStore.close(store) }

@c @implementation
public func cake_store_models(
    _ store: OpaquePointer?, _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        guard let json = unsafe json else { throw .invalid("the place for the JSON is NULL") }
        unsafe json.pointee = nil
        let store = unsafe try OpenStore.at(store)
        var failure: CakeError?
        let kind = unsafe answer(error) { () throws(Refusal) in
            try refusing { () throws(CakeError) in try store.models() }
        } give: { models in
            unsafe json.pointee = copy(models.json)
            failure = models.failure
        }
        if let failure { throw Refusal(failure) }
        return kind
    }
}

@c @implementation
public func cake_store_diff(
    _ store: OpaquePointer?, _ base: UnsafePointer<CChar>?, _ other: UnsafePointer<CChar>?,
    _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        guard let json = unsafe json else { throw .invalid("the place for the JSON is NULL") }
        unsafe json.pointee = nil
        let store = unsafe try OpenStore.at(store)
        let (base, other) = unsafe (try text(base, "the base's name"), try text(other, "the other's name"))
        return unsafe answer(error) { () throws(Refusal) in
            try refusing { () throws(CakeError) in try store.difference(from: base, to: other) }
        } give: {
            unsafe json.pointee = copy($0)
        }
    }
}
