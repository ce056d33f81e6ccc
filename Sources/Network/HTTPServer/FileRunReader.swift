internal import Model
internal import Platform

/// Where an answer has come to in its runs. One thread at a time has it: that which sends.
final class FileRunReader {
    private let runs: [FileRuns.Run]
    private let count: UInt64
    private var number = 0
    /// Bytes of the runs before this one.
    private var before: UInt64 = 0
    private var opened: (file: File, start: UInt64)?
    private var proof: RunningProof?

    /// The size of libmicrohttpd's requests.
    static let step = 256 << 10
    /// Tells it to cut the connection: the promised bytes cannot be sent.
    static let failed = -2

    init(_ runs: FileRuns) {
        self.runs = runs.runs
        count = runs.count
        proof = runs.proof.map { RunningProof($0, of: runs.count) }
    }

    func read(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int {
        guard let proof else { return readRun(into: &room, from: position) }
        if position >= proof.tailStart {
            guard proof.isReady(reading: { room, position in self.readRun(into: &room, from: position) }) else {
                return FileRunReader.failed
            }
            return proof.copyTail(into: &room, from: position)
        }
        var part = room._mutatingExtracting(0..<Int(min(UInt64(room.count), proof.tailStart - position)))
        let got = readRun(into: &part, from: position)
        if got > 0 { proof.add(part.span.extracting(0..<got), at: position) }
        return got
    }

    private func readRun(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int {
        if position < before { (number, before, opened) = (0, 0, nil) }
        while number < runs.count, position - before >= runs[number].count {
            before += runs[number].count
            number += 1
            opened = nil
        }
        guard number < runs.count else { return FileRunReader.failed }
        let run = runs[number]
        let inside = position - before
        let count = Int(min(UInt64(room.count), run.count - inside))
        do throws(CakeError) {
            let opened: (file: File, start: UInt64)
            if let known = self.opened { opened = known } else { opened = try run.open() }
            self.opened = opened
            var part = room._mutatingExtracting(0..<count)
            let got = try opened.file.read(into: &part, at: opened.start + inside)
            return got > 0 ? got : FileRunReader.failed
        } catch {
            return FileRunReader.failed
        }
    }
}

/// The digest of an answer as far as it was sent, and its last bytes.
private final class RunningProof {
    private let proof: FileRuns.Proof
    private var hash = SHA256()
    private var hashed: UInt64 = 0
    private var tail: [UInt8]
    private var isRight: Bool?
    let tailStart: UInt64

    init(_ proof: FileRuns.Proof, of count: UInt64) {
        self.proof = proof
        tailStart = HeldTail.start(in: count)
        tail = [UInt8](repeating: 0, count: Int(count - tailStart))
    }

    /// Bytes that are sent again, because fewer were sent than read, were already hashed.
    func add(_ bytes: Span<UInt8>, at position: UInt64) {
        guard position <= hashed, position + UInt64(bytes.count) > hashed else { return }
        hash.update(bytes.extracting(Int(hashed - position)..<bytes.count))
        hashed = position + UInt64(bytes.count)
    }

    /// Reads the tail and compares the digest, once.
    func isReady(reading: (inout MutableSpan<UInt8>, UInt64) -> Int) -> Bool {
        if let isRight { return isRight }
        var done = 0
        let length = tail.count
        while done < length {
            var room = tail.mutableSpan
            var part = room._mutatingExtracting(done..<length)
            let got = reading(&part, tailStart + UInt64(done))
            guard got > 0 else { break }
            done += got
        }
        var whole = SHA256()
        swap(&whole, &hash)
        whole.update(tail.span)
        let isRight = whole.finish() == proof.digest && hashed == tailStart && done == length
        self.isRight = isRight
        proof.ended(isRight)
        return isRight
    }

    func copyTail(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int {
        let start = Int(position - tailStart)
        let count = min(room.count, tail.count - start)
        guard count > 0 else { return FileRunReader.failed }
        for index in 0..<count { room[index] = tail[start + index] }
        return count
    }
}
