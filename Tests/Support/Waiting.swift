public import Foundation

/// How long a test waits for something that must come. It measures nothing: a busy machine may take minutes for a
/// second's work. A test that would wait for ever fails by it, and says what for.
public let longestWait: TimeInterval = 240

public struct NeverCame: Error, CustomStringConvertible {
    public let description: String
}

/// Looks again and again, with a rest in between.
public func waits(until event: String, unless isOver: () -> Bool = { false }, _ isThere: () throws -> Bool) throws {
    let limit = Date() + longestWait
    while try !isThere() {
        guard !isOver(), Date() < limit else { throw NeverCame(description: "it never came to this: \(event)") }
        Thread.sleep(forTimeInterval: 0.002)
    }
}
