import CCake
import Foundation
import Glibc
import Model
import Support

/// The library as another program has it: loaded, and called by its names.
@safe final class Shared: Sendable {
    typealias Text = UnsafeMutablePointer<CChar>?
    typealias OpenStore =
        @convention(c) (
            UnsafePointer<CChar>?, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<Text>?
        ) -> Int32
    typealias Close = @convention(c) (OpaquePointer?) -> Void
    typealias Document =
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<Text>?, UnsafeMutablePointer<Text>?) -> Int32
    typealias Diff =
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeMutablePointer<Text>?,
            UnsafeMutablePointer<Text>?
        ) -> Int32
    typealias OpenModel =
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<Text>?
        ) -> Int32
    typealias Read =
        @convention(c) (
            OpaquePointer?, UnsafePointer<cake_read>?, Int, UInt32, UInt32, UnsafePointer<Int32>?,
            UnsafeMutablePointer<Text>?
        ) -> Int32
    typealias ReadFile =
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UInt64, UInt64, UnsafeMutableRawPointer?, UInt32, UInt32,
            UnsafePointer<Int32>?, UnsafeMutablePointer<Text>?
        ) -> Int32

    let openStore: OpenStore
    let closeStore: Close
    let models: Document
    let diff: Diff
    let openModel: OpenModel
    let closeModel: Close
    let describe: Document
    let read: Read
    let readFile: ReadFile
    let free: @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// Beside the cake that was built with these tests.
    static let path = Tool.cake.deletingLastPathComponent().appending(path: "libcake-c.so").path
    static let library = Shared()

    private init() {
        let handle = unsafe dlopen(Shared.path, RTLD_NOW | RTLD_LOCAL)
        func name<Function>(_ name: String, _ type: Function.Type) -> Function {
            guard let place = unsafe dlsym(handle, name) else { preconditionFailure("no \(name) in \(Shared.path)") }
            return unsafe unsafeBitCast(place, to: type)
        }
        unsafe openStore = name("cake_store_open", OpenStore.self)
        unsafe closeStore = name("cake_store_close", Close.self)
        unsafe models = name("cake_store_models", Document.self)
        unsafe diff = name("cake_store_diff", Diff.self)
        unsafe openModel = name("cake_model_open", OpenModel.self)
        unsafe closeModel = name("cake_model_close", Close.self)
        unsafe describe = name("cake_model_describe", Document.self)
        unsafe read = name("cake_model_read", Read.self)
        unsafe readFile = name("cake_file_read", ReadFile.self)
        unsafe free = name("cake_free", (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
    }

    /// A failure of a call, and its text.
    struct Failure: Error, CustomStringConvertible {
        let kind: UInt32
        let text: String
        var description: String { "\(kind): \(text)" }
    }

    /// Throws what a call says.
    func check(_ call: (UnsafeMutablePointer<Text>) -> Int32) throws {
        var error: Text = nil
        let kind = unsafe call(&error)
        defer { unsafe free(error) }
        guard kind != Int32(CAKE_OK.rawValue) else { return }
        throw Failure(kind: UInt32(kind), text: unsafe error.map { unsafe String(cString: $0) } ?? "")
    }

    func document(_ call: (UnsafeMutablePointer<Text>, UnsafeMutablePointer<Text>) -> Int32) throws -> String {
        var json: Text = nil
        try unsafe check { unsafe call(&json, $0) }
        defer { unsafe free(json) }
        return unsafe json.map { unsafe String(cString: $0) } ?? ""
    }
}

/// A store that is opened through the library.
@safe final class LibraryStore {
    fileprivate var handle: OpaquePointer?

    init(_ root: String) throws {
        unsafe handle = nil
        try unsafe Shared.library.check { unsafe Shared.library.openStore(root, &handle, $0) }
    }

    deinit { unsafe Shared.library.closeStore(handle) }

    func models() throws -> String {
        try unsafe Shared.library.document { unsafe Shared.library.models(handle, $0, $1) }
    }

    func diff(_ base: String, _ other: String) throws -> String {
        try unsafe Shared.library.document { unsafe Shared.library.diff(handle, base, other, $0, $1) }
    }
}

/// A model that is opened through the library.
@safe final class LibraryModel {
    struct Tensor {
        let name: String
        let dtype: String
        let size: Int
        let file: String
        let offset: Int
        let isHere: Bool
        let layer: String?
    }

    let store: LibraryStore
    private var handle: OpaquePointer?

    init(_ name: String, in store: LibraryStore) throws {
        self.store = store
        unsafe handle = nil
        try unsafe Shared.library.check { unsafe Shared.library.openModel(store.handle, name, &handle, $0) }
    }

    deinit { unsafe Shared.library.closeModel(handle) }

    func document() throws -> JSONValue {
        let text = try unsafe Shared.library.document { unsafe Shared.library.describe(handle, $0, $1) }
        return try JSONValue(parsing: Array(text.utf8).span)
    }

    func tensors() throws -> [Tensor] {
        let document = try document()
        let files = document["files"]?.array ?? []
        func number(_ value: JSONValue?) -> Int { Int(value?.unsigned ?? .max) }
        return (document["tensors"]?.array ?? []).map { tensor in
            Tensor(
                name: tensor["name"]?.string ?? "", dtype: tensor["dtype"]?.string ?? "", size: number(tensor["size"]),
                file: files[number(tensor["file"])]["path"]?.string ?? "", offset: number(tensor["offset"]),
                isHere: tensor["here"]?.bool ?? false, layer: tensor["layer"]?.string)
        }
    }

    /// Bytes of tensors by their numbers, each to memory that begins at an odd place.
    func read(
        _ wanted: [(tensor: Int, bytes: Range<Int>)], threads: UInt32 = 2, flags: UInt32 = 0, cancel: Int32 = 0
    ) throws -> [[UInt8]] {
        let count = wanted.reduce(1) { $0 + $1.bytes.count + 1 }
        let room = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
        defer { unsafe room.deallocate() }
        unsafe room.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
        var place = 1
        var reads: [cake_read] = unsafe []
        for (tensor, bytes) in wanted {
            unsafe reads.append(
                cake_read(
                    tensor: UInt64(tensor), offset: UInt64(bytes.lowerBound), length: UInt64(bytes.count),
                    destination: room + place))
            place += bytes.count + 1
        }
        var flag = cancel
        try unsafe Shared.library.check {
            unsafe Shared.library.read(handle, reads, reads.count, threads, flags, &flag, $0)
        }
        place = 1
        return wanted.map { _, bytes in
            defer { place += bytes.count + 1 }
            // Nothing beside it was written.
            let isClean = [place - 1, place + bytes.count].allSatisfy {
                unsafe room.load(fromByteOffset: $0, as: UInt8.self) == 0xA5
            }
            return unsafe isClean
                ? Array(UnsafeRawBufferPointer(start: room + place, count: bytes.count)) : [0xBA, 0xD0]
        }
    }

    /// A read with any arguments.
    func read(raw reads: [cake_read]?, count: Int, threads: UInt32 = 1, flags: UInt32 = 0) throws {
        try unsafe Shared.library.check {
            if let reads = unsafe reads {
                unsafe Shared.library.read(handle, reads, count, threads, flags, nil, $0)
            } else {
                unsafe Shared.library.read(handle, nil, count, threads, flags, nil, $0)
            }
        }
    }

    func readFile(_ path: String, _ bytes: Range<Int>, threads: UInt32 = 2, flags: UInt32 = 0) throws -> [UInt8] {
        var room = [UInt8](repeating: 0, count: bytes.count)
        try unsafe room.withUnsafeMutableBytes { room in
            try unsafe Shared.library.check {
                unsafe Shared.library.readFile(
                    handle, path, UInt64(bytes.lowerBound), UInt64(bytes.count), room.baseAddress, threads, flags, nil,
                    $0)
            }
        }
        return room
    }
}
