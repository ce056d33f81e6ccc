internal import CShims

/// Memory that a program lends for one call, to be filled. It outlives what is made of it.
@safe public struct LentMemory: @unchecked Sendable {
    public let count: Int
    private let start: UnsafeMutableRawPointer?

    /// Nil holds no bytes.
    @unsafe public init(_ start: UnsafeMutableRawPointer?, count: Int) {
        self.count = unsafe start == nil ? 0 : count
        unsafe self.start = start
    }

    /// A part of it.
    public subscript(range: Range<Int>) -> LentMemory {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe LentMemory(start.map { unsafe $0 + range.lowerBound }, count: range.count)
    }

    /// It as a chunk with the bytes that are there, which may be filled again.
    public var chunk: Chunk {
        guard let start = unsafe start else { return Chunk(capacity: 0) }
        let chunk = unsafe Chunk(borrowing: start, capacity: count)
        chunk.count = count
        return chunk
    }
}

/// A number that another thread, of a program in any language, makes other than 0 to end a call early.
@safe public struct CancelFlag: @unchecked Sendable {
    private let place: UnsafePointer<Int32>?

    /// Nil is never set.
    @unsafe public init(_ place: UnsafePointer<Int32>?) { unsafe self.place = place }

    public var isSet: Bool {
        guard let place = unsafe place else { return false }
        return unsafe cake_load(place) != 0
    }
}
