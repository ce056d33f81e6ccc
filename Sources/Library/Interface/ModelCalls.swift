public import CCake
internal import Model
internal import Platform

@c @implementation
public func cake_model_open(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ model: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        guard let model = unsafe model else { throw .invalid("the place for the model is NULL") }
        unsafe model.pointee = nil
        let store = unsafe try OpenStore.at(store)
        let name = unsafe try text(name, "the name")
        return unsafe answer(error) { () throws(Refusal) in
            try refusing { () throws(CakeError) in try OpenModel(name, in: store) }
        } give: {
            unsafe model.pointee = $0.retained
        }
    }
}

@c @implementation
public func cake_model_close(_ model: OpaquePointer?) { unsafe OpenModel.close(model) }

@c @implementation
public func cake_model_describe(
    _ model: OpaquePointer?, _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        guard let json = unsafe json else { throw .invalid("the place for the JSON is NULL") }
        unsafe json.pointee = nil
        let model = unsafe try OpenModel.at(model)
        return unsafe answer(error) { () throws(Refusal) in
            try refusing { () throws(CakeError) in try model.document() }
        } give: {
            unsafe json.pointee = copy($0)
        }
    }
}

@c @implementation
public func cake_model_read(
    _ model: OpaquePointer?, _ reads: UnsafePointer<cake_read>?, _ count: Int, _ threads: UInt32, _ flags: UInt32,
    _ cancel: UnsafePointer<Int32>?, _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        let model = unsafe try OpenModel.at(model)
        let terms = unsafe try ReadTerms(threads: threads, flags: flags, cancel: CancelFlag(cancel))
        let wanted = unsafe try wantedBytes(reads, count)
        guard !wanted.isEmpty else { return unsafe tell(nil, error) }
        return unsafe answer(error) { () throws(Refusal) in
            try model.read(wanted, terms)
        } give: { _ in
        }
    }
}

private func wantedBytes(_ reads: UnsafePointer<cake_read>?, _ count: Int) throws(Refusal) -> [WantedBytes] {
    // A count of more than half of all memory arrives as a negative number.
    let most = unsafe Int.max / MemoryLayout<cake_read>.stride
    guard count >= 0, count <= most else { throw .invalid("too many reads") }
    guard count > 0 else { return [] }
    guard let reads = unsafe reads else { throw .invalid("the reads are NULL") }
    var wanted: [WantedBytes] = []
    for index in 0..<count {
        let read = unsafe reads[index]
        unsafe wanted.append(
            WantedBytes(
                tensor: read.tensor, offset: read.offset,
                room: try room(read.destination, read.length, of: "read \(index)")))
    }
    return wanted
}

/// A caller's memory, which must not reach behind the end of all memory.
private func room(
    _ destination: UnsafeMutableRawPointer?, _ length: UInt64, of what: @autoclosure () -> String
) throws(Refusal) -> LentMemory {
    guard length > 0 else { return unsafe LentMemory(nil, count: 0) }
    guard let destination = unsafe destination else { throw .invalid("the destination of \(what()) is NULL") }
    guard let count = Int(exactly: length),
        !UInt(bitPattern: destination).addingReportingOverflow(UInt(length)).overflow
    else { throw .invalid("the length of \(what()), \(length), is larger than any memory") }
    return unsafe LentMemory(destination, count: count)
}

@c @implementation
public func cake_file_read(
    _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ offset: UInt64, _ length: UInt64,
    _ destination: UnsafeMutableRawPointer?, _ threads: UInt32, _ flags: UInt32, _ cancel: UnsafePointer<Int32>?,
    _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
    unsafe checked(error) { () throws(Refusal) in
        let model = unsafe try OpenModel.at(model)
        let terms = unsafe try ReadTerms(threads: threads, flags: flags, cancel: CancelFlag(cancel))
        let path = unsafe try text(path, "the path")
        let room = unsafe try room(destination, length, of: "the read")
        return unsafe answer(error) { () throws(Refusal) in
            try model.read(path, from: offset, into: room, terms)
        } give: { _ in
        }
    }
}
