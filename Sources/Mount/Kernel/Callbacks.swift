#if Mount
    internal import CMount
    internal import Glibc
    internal import Model
    internal import Platform

    /// libfuse's calls, led to the kernel that is their context. Handles are references that the kernel's close gives back.
    enum Callbacks {
        static var all: cake_callbacks {
            unsafe cake_callbacks(
                lookup: { context, folder, name, entry in
                    guard let name = unsafe name, let entry = unsafe entry else { return EINVAL }
                    // Cake's names are UTF-8; a name that is not would be repaired, and be another's.
                    guard let text = unsafe String(validatingCString: name) else { return ENOENT }
                    return Callbacks.number { unsafe entry.pointee = try kernel(context).lookup(text, in: folder) }
                },
                forget: { context, node, count in unsafe kernel(context).forget(node, count) },
                attributes: { context, node, entry in
                    guard let entry = unsafe entry else { return EINVAL }
                    return Callbacks.number { unsafe entry.pointee = try kernel(context).attributes(of: node) }
                },
                target: { context, node, room, size in
                    guard let room = unsafe room else { return EINVAL }
                    return Callbacks.number {
                        let text = Array(try unsafe kernel(context).target(of: node).utf8)
                        guard text.count < size else { throw KernelError(ENAMETOOLONG) }
                        for (index, byte) in text.enumerated() { unsafe room[index] = CChar(bitPattern: byte) }
                        unsafe room[text.count] = 0
                    }
                },
                open: { context, node, handle, isFixed in
                    Callbacks.number {
                        let file = try unsafe kernel(context).open(node)
                        unsafe isFixed?.pointee = file.isFixed ? 1 : 0
                        unsafe handle?.pointee = reference(file)
                    }
                },
                read: { context, handle, offset, size, request in
                    let request = unsafe Request(request, among: kernel(context).waiting)
                    guard let file = unsafe object(handle, OpenFile.self) else { return request.fail(EBADF) }
                    file.read(from: offset, count: size, waits: { request.mayBeInterrupted() }, { request.end($0) })
                },
                interrupted: { context, number in unsafe kernel(context).waiting.interrupt(number) },
                close: { _, handle in unsafe release(handle) },
                open_folder: { context, node, handle, isFixed in
                    Callbacks.number {
                        let folder = try unsafe kernel(context).openFolder(node)
                        unsafe isFixed?.pointee = folder.isFixed ? 1 : 0
                        unsafe handle?.pointee = reference(folder)
                    }
                },
                list: { context, handle, position, isFull, reply in
                    guard let folder = unsafe object(handle, OpenFolder.self) else { return EBADF }
                    unsafe kernel(context).list(folder, from: position, isFull: isFull != 0) { name, entry, next in
                        var entry = entry
                        return unsafe cake_add_entry(reply, name, &entry, next, isFull) != 0
                    }
                    return 0
                },
                close_folder: { _, handle in unsafe release(handle) },
                ready: { context in unsafe kernel(context).ready() })
        }

        private static func number(_ body: () throws -> Void) -> Int32 {
            do {
                try body()
                return 0
            } catch {
                return KernelError(error).number
            }
        }
    }

    @unsafe private func kernel(_ context: UnsafeMutableRawPointer?) -> MountKernel {
        // The mount owns it, and outlives every call.
        guard let context = unsafe context else { preconditionFailure("libfuse lost its context") }
        return unsafe Unmanaged<MountKernel>.fromOpaque(context).takeUnretainedValue()
    }

    @unsafe private func reference(_ object: some AnyObject) -> UInt64 {
        UInt64(UInt(bitPattern: unsafe Unmanaged.passRetained(object).toOpaque()))
    }

    @unsafe private func object<Object: AnyObject>(_ handle: UInt64, _ type: Object.Type) -> Object? {
        guard let place = unsafe UnsafeRawPointer(bitPattern: UInt(handle)) else { return nil }
        return unsafe Unmanaged<Object>.fromOpaque(place).takeUnretainedValue()
    }

    @unsafe private func release(_ handle: UInt64) {
        guard let place = unsafe UnsafeRawPointer(bitPattern: UInt(handle)) else { return }
        unsafe Unmanaged<AnyObject>.fromOpaque(place).release()
    }
#endif
