internal import Model

extension S3Values {
    /// False, and nothing is changed, if the condition does not hold.
    package func put(
        _ body: S3Body, at key: String, if condition: S3Condition, notes: [S3Bucket.Note: String] = [:]
    ) async throws -> Bool {
        let engine = try await abilities()
        switch condition {
        case .unchanged: return try await send(body, to: key, condition, notes, engine)
        case .absent:
            // A layer that is there already is not sent first to learn that.
            let looks = body.size > S3Values.worthALook
            return try await overRemains(at: key, looks: looks, isAlways: false) {
                try await send(body, to: key, $0, notes, engine)
            }
        case .always:
            if engine.deletesUnchanged { return try await send(body, to: key, .always, notes, engine) }
            // Over a removal that is under way a value would be removed with it.
            return try await overRemains(at: key, looks: true, isAlways: true) {
                try await send(body, to: key, $0, notes, engine)
            }
        }
    }

    private static let worthALook: UInt64 = 256 << 10

    /// Puts a value where nothing is, or what is there may be replaced: waits for a removal that is under way, and
    /// replaces what one left that never ended.
    private func overRemains(
        at key: String, looks: Bool, isAlways: Bool, _ send: (S3Condition) async throws -> Bool
    ) async throws -> Bool {
        var (looks, waits) = (looks, 0)
        while true {
            if looks, let there = try await bucket.look(at: key) {
                if there.isRemoved, !there.isLeft {
                    guard waits < S3Values.mostWaits else {
                        throw CakeError(
                            .network, "\(bucket)/\(key) is being removed",
                            fix: "try again in \(S3Values.longestRequest / 60) minutes")
                    }
                    waits += 1
                    try await bucket.rest(.milliseconds(250))
                } else {
                    guard isAlways || there.isRemoved else { return false }
                    if try await send(.unchanged(there.etag)) { return true }
                }
            } else if try await send(.absent) {
                return true
            }
            looks = true
        }
    }

    private static let mostWaits = 120

    /// In one request, or in parts. A condition that the engine ignores in parts needs one request.
    private func send(
        _ body: S3Body, to key: String, _ condition: S3Condition, _ notes: [S3Bucket.Note: String],
        _ engine: S3Abilities
    ) async throws -> Bool {
        let isHeeded =
            switch condition {
            case .always: true
            case .absent: engine.completesAbsent
            case .unchanged: engine.completesUnchanged
            }
        if body.size <= largestRequest || !isHeeded && body.size <= S3Bucket.largestPut {
            return try await bucket.put(body, at: key, if: condition, notes: notes)
        }
        guard isHeeded || condition == .absent else {
            throw CakeError(.failed, "\(bucket)/\(key) is too large to be replaced safely on this storage")
        }
        // Values that large are blobs: who comes second puts the same bytes again.
        return try await bucket.putLarge(body, at: key, if: isHeeded ? condition : .always, notes: notes)
    }

    package func mark(_ keys: [String]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, key) in keys.enumerated() {
                if number >= S3Values.lanes { try await group.next() }
                group.addTask {
                    // Bytes that read as none: a mark that is made again must have another ETag.
                    let bytes = Array(S3Bucket.newName.utf8)
                    _ = try await put(S3Body(bytes), at: key, if: .always, notes: [.instead: S3Values.mark])
                }
            }
            try await group.waitForAll()
        }
    }

    private static let lanes = 16
}
