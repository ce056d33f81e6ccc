internal import Mirror
import Model
import Network
internal import Storage
import Store

/// Bodies that are made from the store's objects while they are sent.
extension ServerStream {
    init(_ bytes: RebuiltBytes) {
        self.init(count: bytes.count) { room, position in
            bytes.take(into: &room, from: position)
        } wait: { position, then in
            bytes.wait(for: position, then)
        }
    }

    init(_ bytes: PlannedBytes) {
        self.init(count: bytes.count) { room, position in
            bytes.take(into: &room, from: position)
        } wait: { position, then in
            bytes.wait(for: position, then)
        }
    }

    init(_ bytes: DistantBytes) {
        self.init(count: bytes.count) { room, position in
            bytes.take(into: &room, from: position)
        } wait: { position, then in
            bytes.wait(for: position, then)
        }
    }

    init(_ bytes: ArrivingBytes) {
        self.init(count: bytes.count) { room, position in
            bytes.take(into: &room, from: position)
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
