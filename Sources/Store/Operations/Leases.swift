internal import Model
internal import Platform

/// The operations under `incoming`: which still run, what they hold, and removal of dead ones.
struct Leases {
    private let layout: Layout

    init(_ layout: Layout) { self.layout = layout }

    /// After this an operation that shows no sign of life is dead wherever it ran.
    private static let longestSilence = 24 * 3600
    /// A folder without a lease was just made, or its maker was killed.
    private static let longestStart = 3600

    /// Removes the folders of killed operations.
    func removeDead() throws(CakeError) {
        try forEachDead { path throws(CakeError) in try Disk.removeTree(path) }
    }

    /// The dead operations, each while its lease is held. In a store that is not writable they cannot be told.
    func forEachDead(_ take: (String) throws(CakeError) -> Void) throws(CakeError) {
        // Folders named by a digest hold parts of downloads: they outlive the command that downloaded.
        for name in try Disk.names(in: layout.incoming) where Digest(hex: name) == nil {
            let path = layout.incoming + "/" + name
            guard let status = try Disk.status(path, followingLinks: false) else { continue }
            if status.kind == .folder, let lease = try? File(path + "/lease", .readWrite) {
                if try isDead(lease) { try take(path) }
            } else if Machine.now - status.modified > Leases.longestStart {
                try take(path)
            }
        }
        // Small files that are derived are written aside there.
        for name in try Disk.names(in: layout.root) where name.hasPrefix(Disk.asidePrefix) {
            let path = layout.root + "/" + name
            guard let status = try Disk.status(path, followingLinks: false), status.kind == .folder,
                Machine.now - status.modified > Leases.longestStart
            else { continue }
            try take(path)
        }
    }

    /// Every digest that a running operation relies on. The caller holds the sweep lock: none is added meanwhile.
    func held() throws(CakeError) -> Set<Digest> {
        var held: Set<Digest> = []
        for bytes in try all("lease") {
            guard let line = bytes.firstIndex(of: UInt8(ascii: "\n")) else { continue }
            Leases.add(bytes, from: line + 1, to: &held)
        }
        return held
    }

    /// Every layer that a running operation takes as a base. The caller holds the encoding lock.
    func bases() throws(CakeError) -> Set<Digest> {
        var bases: Set<Digest> = []
        for bytes in try all(Lease.bases) { Leases.add(bytes, from: 0, to: &bases) }
        return bases
    }

    /// The content of the file with that name in each operation's folder.
    private func all(_ name: String) throws(CakeError) -> [[UInt8]] {
        var all: [[UInt8]] = []
        for folder in try Disk.names(in: layout.incoming) {
            let path = layout.incoming + "/" + folder + "/" + name
            guard let file = try openIfThere(path) else { continue }
            guard let count = Int(exactly: try file.size()) else { throw CakeError(.damaged, "\(path) is too large") }
            all.append(try file.bytes(at: 0, count: count))
        }
        return all
    }

    private static func add(_ bytes: [UInt8], from start: Int, to digests: inout Set<Digest>) {
        var offset = start
        // A tail shorter than a digest is a claim that was never answered.
        while offset + Digest.byteCount <= bytes.count {
            if let digest = Digest(bytes: bytes.span.extracting(offset..<offset + Digest.byteCount)) {
                digests.insert(digest)
            }
            offset += Digest.byteCount
        }
    }

    private func openIfThere(_ path: String) throws(CakeError) -> File? {
        do {
            return try File(path, .read)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// The lock decides, if locks can be trusted. On a disk that machines share they may lie; there the process and the
    /// age of the lease count too.
    private func isDead(_ lease: File) throws(CakeError) -> Bool {
        guard try lease.lock(exclusive: true, waiting: false) else { return false }
        let status = try lease.status()
        let silence = Machine.now - status.modified
        if silence > Leases.longestSilence { return true }
        let text = String(decoding: try lease.bytes(at: 0, count: Int(min(status.size, 512))), as: UTF8.self)
        // Cut short, it may name a process that has nothing to do with it.
        guard let end = text.firstIndex(of: "\n") else { return true }
        let words = text[..<end].split(separator: " ")
        guard words.count == 6, words[0] == "host", words[2] == "boot", words[4] == "process",
            let process = Int(words[5])
        else {
            return true
        }
        guard words[1] == Machine.host else { return false }
        guard words[3] == Machine.boot else { return true }
        return process == Machine.process || !Machine.isAlive(process: process)
    }
}
