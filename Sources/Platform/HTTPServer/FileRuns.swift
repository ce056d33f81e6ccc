public import Model

/// Runs of files, one behind the other, each file opened when its turn comes.
public struct FileRuns: Sendable {
    public struct Run: Sendable {
        let count: UInt64
        let open: @Sendable () throws(CakeError) -> (file: File, start: UInt64)

        /// `open` says in which file it lies, and where it begins.
        public init(count: UInt64, open: @escaping @Sendable () throws(CakeError) -> (file: File, start: UInt64)) {
            self.count = count
            self.open = open
        }
    }

    let runs: [Run]
    public let count: UInt64

    public init(_ runs: [Run]) {
        self.runs = runs
        count = runs.reduce(0) { $0 + $1.count }
    }
}

/// Where an answer has come to in its runs. One thread at a time has it: that which sends.
final class FileRunReader {
    private let runs: [FileRuns.Run]
    private var number = 0
    /// Bytes of the runs before this one.
    private var before: UInt64 = 0
    private var opened: (file: File, start: UInt64)?

    /// What libmicrohttpd asks for at once.
    static let step = 256 << 10
    /// Tells it to cut the connection: what was promised cannot be sent.
    static let failed = -2

    init(_ runs: FileRuns) { self.runs = runs.runs }

    func read(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int {
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
