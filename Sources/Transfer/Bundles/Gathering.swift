internal import Model
internal import Platform
internal import Store

/// Collects small runs of bytes into one: a write each would be slow.
struct Gathering {
    private let chunk = Chunk(capacity: 1 << 20)
    private let room = Chunk(capacity: 1 << 20)
    private(set) var passed: UInt64 = 0

    mutating func add(_ bytes: [UInt8], to sink: (Span<UInt8>) throws -> Void) throws {
        try add(bytes.span, to: sink)
    }

    mutating func add(_ bytes: Span<UInt8>, to sink: (Span<UInt8>) throws -> Void) throws {
        passed += UInt64(bytes.count)
        if chunk.count + bytes.count > chunk.capacity { try flush(to: sink) }
        if bytes.count > chunk.capacity { return try sink(bytes) }
        chunk.append(bytes)
    }

    mutating func add(
        _ bytes: PlainBytes, to sink: (Span<UInt8>) throws -> Void, did: (UInt64) -> Void
    ) throws {
        var offset: UInt64 = 0
        while offset < bytes.count {
            try Task.checkCancellation()
            let count = Int(min(UInt64(room.capacity), bytes.count - offset))
            try bytes.fill(room, from: offset, count: count)
            if chunk.count == 0, count == room.capacity {
                passed += UInt64(count)
                try room.withBytes { try sink($0) }
            } else {
                try room.withBytes { try add($0, to: sink) }
            }
            did(UInt64(count))
            offset += UInt64(count)
        }
    }

    mutating func flush(to sink: (Span<UInt8>) throws -> Void) throws {
        guard chunk.count > 0 else { return }
        try chunk.withBytes { try sink($0) }
        chunk.count = 0
    }
}
