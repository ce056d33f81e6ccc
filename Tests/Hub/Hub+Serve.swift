/// A connection's requests, one after another, and the faults in their answers.
extension Hub {
    /// How an answer leaves.
    private struct Sending {
        enum End { case reset, finish, stall, expire }

        /// Bytes of body after which `end` happens.
        var limit: UInt64?
        var end = End.finish
        var bytesPerSecond: Int?
        /// Bytes after the body that were not announced.
        var surplus = 0
        var announced: UInt64?
    }

    func serve(_ connection: Connection, _ place: Place) {
        var waiting: [UInt8] = []
        while let asked = Asked.read(connection, &waiting) {
            let path = place == .cdn ? signed.path(of: asked) ?? Form.decode(asked.rawPath) : Form.decode(asked.rawPath)
            let request = HubRequest(
                place: place, connection: connection.number, method: asked.method, target: asked.target, path: path,
                headers: asked.headers)
            if place == .hub, settings.isControlled, let reply = control(asked) {
                guard send(reply, to: asked, connection) else { return }
                continue
            }
            let acts = acts(for: request)
            let entry = log.add(request)
            let goesOn = answer(asked, request, acts, connection, entry)
            log.end(entry)
            guard goesOn, asked.keepsAlive else { return }
        }
    }

    /// For answers that are not logged.
    private func send(_ reply: Reply, to asked: Asked, _ connection: Connection) -> Bool {
        guard connection.send(reply.head(length: reply.count)) == .all else { return false }
        return asked.method == "HEAD" || connection.send(reply.bytes()) == .all
    }

    /// False when the connection is of no more use.
    private func answer(
        _ asked: Asked, _ request: HubRequest, _ acts: [Misbehaviour], _ connection: Connection, _ entry: Log.Entry
    ) -> Bool {
        var asked = asked
        for act in acts {
            switch act {
            case .run(let body): body()
            case .hangUp: return false
            case .startAfter(let duration): if !connection.pause(duration) { return false }
            case .ignoreRange: asked.headers.removeAll { $0.name == "range" }
            default: break
            }
        }
        var reply = instead(of: asked, acts) ?? answer(asked, at: request.place, acts)
        let sending = spoil(&reply, acts)
        log.change(entry) { $0.status = reply.status }
        let head = reply.head(length: sending.announced ?? reply.count)
        let isHead = asked.method == "HEAD" || reply.status == 304
        let isFollowed = !isHead && reply.count > 0 && sending.limit != 0
        guard connection.send(head, isFollowed: isFollowed) == .all else { return false }
        return isHead ? true : send(reply, sending, connection, entry)
    }

    private func answer(_ asked: Asked, at place: Place, _ acts: [Misbehaviour]) -> Reply {
        switch place {
        case .hub: answer(asked, acts)
        case .cdn: cdnAnswer(asked, acts)
        case .cas: casAnswer(asked, acts)
        }
    }

    /// An answer that has nothing to do with what was asked.
    private func instead(of asked: Asked, _ acts: [Misbehaviour]) -> Reply? {
        for act in acts {
            switch act {
            case .answer(let status, let headers, let body):
                let sorted = headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
                return Reply(status, text: body, sorted)
            case .redirect(let target, let status): return Reply(status, text: "", [("Location", target)])
            case .redirectToItself: return Reply(302, text: "", [("Location", asked.target)])
            default: continue
            }
        }
        return nil
    }

    private func spoil(_ reply: inout Reply, _ acts: [Misbehaviour]) -> Sending {
        var sending = Sending()
        for act in acts {
            switch act {
            case .cut(let bytes): (sending.limit, sending.end) = (bytes, .reset)
            case .stall(let bytes): (sending.limit, sending.end) = (bytes, .stall)
            case .expire(let bytes): (sending.limit, sending.end) = (bytes, .expire)
            case .shorter(let bytes): (sending.limit, sending.end) = (reply.count - min(bytes, reply.count), .finish)
            case .understated(let bytes):
                sending.announced = reply.count - min(bytes, reply.count)
                reply.shorten(to: sending.announced ?? 0)
            case .longer(let bytes): sending.surplus = Int(bytes)
            case .flip(let place): reply.flip(atByte: place)
            case .overwrite(let place, let bytes): reply.overwrite(atFileByte: place, with: bytes)
            case .header(let name, let value): reply[name] = value
            case .headerFlood(let bytes):
                for number in 0..<max(1, bytes / 1000) {
                    reply.headers.append(("X-Flood-\(number)", String(repeating: "x", count: 980)))
                }
            case .drip(let rate): sending.bytesPerSecond = rate
            case .gzip:
                reply.body = [.bytes(Gzip.stored(reply.bytes()))]
                reply["Content-Encoding"] = "gzip"
            default: break
            }
        }
        return sending
    }

    private func send(_ reply: Reply, _ sending: Sending, _ connection: Connection, _ entry: Log.Entry) -> Bool {
        var left = sending.limit ?? .max
        var isStalled = sending.limit != nil
        for piece in reply.body {
            var start: UInt64 = 0
            while start < piece.count {
                if left == 0 {
                    guard isStalled, sending.end == .stall, wait(connection, entry) else {
                        end(sending.end, connection)
                        return false
                    }
                    isStalled = false
                    left = .max
                }
                let step = sending.bytesPerSecond.map { UInt64(max(1, $0 / 20)) } ?? .max
                let count = min(piece.count - start, left, step)
                guard send(piece, start..<start + count, connection, entry) == .all else { return false }
                start += count
                left -= count
                if sending.bytesPerSecond != nil, !connection.pause(.milliseconds(50)) { return false }
            }
        }
        if isStalled, left == 0, sending.end == .stall, !wait(connection, entry) { return false }
        if sending.surplus > 0 {
            _ = connection.send([UInt8](repeating: 0x78, count: sending.surplus), log: entry)
            connection.finish()
            return false
        }
        return true
    }

    private func send(_ piece: Reply.Piece, _ range: Range<UInt64>, _ connection: Connection, _ entry: Log.Entry)
        -> Connection.Sent
    {
        switch piece {
        case .bytes(let bytes): connection.send(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]), log: entry)
        case .file(let file, let part):
            connection.send(file, part.lowerBound + range.lowerBound..<part.lowerBound + range.upperBound, log: entry)
        }
    }

    private func end(_ end: Sending.End, _ connection: Connection) {
        switch end {
        case .reset: connection.reset()
        case .expire:
            signed.expire()
            connection.reset()
        case .finish, .stall: connection.finish()
        }
    }

    private func wait(_ connection: Connection, _ entry: Log.Entry) -> Bool {
        let gate = gate
        log.change(entry) { $0.isStalled = true }
        defer { log.change(entry) { $0.isStalled = false } }
        return connection.stall(until: gate.descriptor)
    }
}
