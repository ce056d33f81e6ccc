internal import Mirror
import Model
import Network
internal import Storage
import Store

/// A body that is made or brought while it is sent.
protocol MadeBody: Sendable {
    var count: UInt64 { get }

    func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int?
    func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void)
}

extension RebuiltBytes: MadeBody {}
extension PlannedBytes: MadeBody {}
extension DistantBytes: MadeBody {}
extension ArrivingBytes: MadeBody {}

extension ServerStream {
    /// `sending` hears of all bytes that are sent.
    init(_ bytes: some MadeBody, heardBy sending: Sending? = nil) {
        self.init(count: bytes.count) { room, position in
            let count = bytes.take(into: &room, from: position)
            if let count, count > 0 { sending?.note() }
            return count
        } wait: { position, then in
            bytes.wait(for: position, then)
        }
    }

    /// For an answer whose body is not sent.
    init(announcing range: Range<UInt64>) {
        self.init(count: range.upperBound - range.lowerBound) { _, _ in
            nil
        } wait: { _, then in
            then()
        }
    }
}
