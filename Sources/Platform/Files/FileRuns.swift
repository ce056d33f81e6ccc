public import Model

/// Runs of files, one after the other. Each file is opened when it is needed.
public struct FileRuns: Sendable {
    public struct Run: Sendable {
        public let count: UInt64
        public let open: @Sendable () throws(CakeError) -> (file: File, start: UInt64)

        /// `open` returns the file, and where the run begins in it.
        public init(count: UInt64, open: @escaping @Sendable () throws(CakeError) -> (file: File, start: UInt64)) {
            self.count = count
            self.open = open
        }
    }

    public let runs: [Run]
    public let count: UInt64
    public let proof: Proof?

    public init(_ runs: [Run]) { self.init(runs, proof: nil) }

    private init(_ runs: [Run], proof: Proof?) {
        self.runs = runs
        self.proof = proof
        count = runs.reduce(0) { $0 + $1.count }
    }

    /// The digest that all the bytes must have, and a callback with the result.
    public struct Proof: Sendable {
        public let digest: Digest
        public let ended: @Sendable (Bool) -> Void
    }

    /// The same bytes, hashed while they are sent. The last of them (`HeldTail`) are held until all are verified; if
    /// they are wrong, the connection is cut.
    public func proved(by digest: Digest, ended: @escaping @Sendable (Bool) -> Void) -> FileRuns {
        FileRuns(runs, proof: Proof(digest: digest, ended: ended))
    }
}
