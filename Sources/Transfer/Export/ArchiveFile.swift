public import Model
public import Platform
internal import Store

/// A fast-load archive on this disk. Its first member says where everything is. Nothing is unpickled, and its directory
/// counts only as far as it agrees.
public struct ArchiveFile: Sendable {
    public let path: String
    public let archive: FastArchive
    let file: File
    let status: Disk.Status

    /// Something that is not as the archive's own facts say.
    public struct Damage: Sendable {
        public let place: String
        public let why: String
    }

    /// Refuses other files.
    public init(_ path: String) throws(CakeError) {
        file = try File(path, .read)
        status = try file.status()
        self.path = path
        let shown = Printable.escape(path)
        guard status.kind == .file else { throw CakeError(.usage, "\(shown) is not a file") }
        guard let facts = try ArchiveFile.facts(of: file, size: status.size) else {
            throw CakeError(
                .usage, "\(shown) is not an archive that cake wrote",
                fix: "cake export NAME --format fast -o FILE writes one")
        }
        guard facts.count <= UInt64(ManifestText.maximumSize), facts.count <= status.size else {
            throw CakeError(.damaged, "\(shown): claims \(facts.count) bytes of facts", fix: ArchiveFile.advice)
        }
        do {
            let bytes = try file.bytes(at: facts.lowerBound, count: Int(facts.count))
            archive = try FastArchive(try ArchiveFacts(decoding: bytes.span))
        } catch {
            throw CakeError(error.kind, "\(shown): \(error.what)", fix: error.fix ?? ArchiveFile.advice)
        }
        guard archive.layout.size == status.size else {
            throw CakeError(
                .damaged, "\(shown) has \(status.size) bytes, and should have \(archive.layout.size)",
                fix: ArchiveFile.advice)
        }
    }

    public static let advice = "export it again; if another program changed it, import the original model"

    /// Whether a file begins or ends as an archive of cake's does.
    public static func isOne(_ path: String) throws(CakeError) -> Bool {
        guard let status = try Disk.status(path), status.kind == .file, status.size >= 64 else { return false }
        return try facts(of: File(path, .read), size: status.size) != nil
    }

    /// The facts of an archive: in its first member, or in its last. They are not checked.
    private static func facts(of file: File, size: UInt64) throws(CakeError) -> (lowerBound: UInt64, count: UInt64)? {
        let most = min(size, 4096)
        let end = try file.bytes(at: size - most, count: Int(most))
        for header in [0, ZipLayout.lastHeader(in: end.span, named: FastArchive.factsName)] {
            guard let header, header < size else { continue }
            let start = try file.bytes(at: header, count: Int(min(size - header, 4096)))
            guard let member = ZipLayout.firstMember(of: start.span), member.name == FastArchive.factsName else {
                continue
            }
            let (data, overflow) = header.addingReportingOverflow(member.data)
            return overflow ? nil : (data, member.size)
        }
        return nil
    }

    /// The default name of the model.
    public var name: ModelName {
        get throws(CakeError) {
            do {
                return try ModelName(ImportPath.stem(ofFile: path))
            } catch { throw CakeError(.usage, error.what, fix: "give it a name: cake import PATH NAME") }
        }
    }

    /// A stretch of the archive that is read by one thread.
    private struct Stretch {
        let member: Int
        /// Nil between layers, where zeros are.
        let layer: Layer?
        let start: UInt64
        let count: UInt64
    }

    /// Reads every byte: layers against their names, all others against the bytes that cake would write.
    public func damages(on pool: BlockingPool, progress: @escaping @Sendable (UInt64) -> Void) async throws -> [Damage]
    {
        let layout = archive.layout
        let names = names
        let stretches = stretches
        var damages: [Damage] = []
        // Members whose correct checksum is not known.
        var unsummed: Set<Int> = []
        var sums = layout.members.map { member -> CRC32 in
            if case .bytes(let bytes) = member.content { CRC32.of(bytes.span) } else { CRC32() }
        }
        try await inOrder(stretches.count, atOnce: 2 * BlockingPool.processors, on: pool) { index in
            try read(stretches[index], progress: progress)
        } take: { index, found in
            let stretch = stretches[index]
            sums[stretch.member].append(found.sum, count: stretch.count)
            guard !found.isRight else { return }
            unsummed.insert(stretch.member)
            let name = stretch.layer.flatMap { names[$0.digest] }
            damages.append(
                Damage(
                    place: name ?? layout.members[stretch.member].name,
                    why: stretch.layer == nil ? "there are bytes between tensors" : "its bytes have another hash"))
        }
        for (index, member) in layout.members.enumerated() where !unsummed.contains(index) {
            let (place, sum) = (layout.places[index], sums[index].value)
            var right = try holds(layout.header(of: index, sum: sum), at: place.header)
            if case .bytes(let bytes) = member.content { right = try right && holds(bytes, at: place.data) }
            right = try right && holds(layout.descriptor(of: index, sum: sum), at: place.data + member.size)
            if !right { damages.append(Damage(place: member.name, why: "it differs from what cake wrote")) }
        }
        if unsummed.isEmpty, try !holds(layout.directory(sums: sums.map(\.value)), at: layout.directoryStart) {
            damages.append(Damage(place: "the directory at its end", why: "it differs from what cake wrote"))
        }
        return damages
    }

    private var stretches: [Stretch] {
        var found: [Stretch] = []
        for (index, member) in archive.layout.members.enumerated() {
            guard case .runs(let runs) = member.content else { continue }
            let data = archive.layout.places[index].data
            var end: UInt64 = 0
            for run in runs where run.layer.size > 0 {
                if run.offset > end {
                    found.append(Stretch(member: index, layer: nil, start: data + end, count: run.offset - end))
                }
                found.append(
                    Stretch(member: index, layer: run.layer, start: data + run.offset, count: run.layer.size))
                end = run.offset + run.layer.size
            }
        }
        return found
    }

    private func read(
        _ stretch: Stretch, progress: (UInt64) -> Void
    ) throws -> (sum: CRC32, isRight: Bool) {
        var sum = CRC32()
        var hash = SHA256()
        let chunk = Chunk(capacity: Int(min(stretch.count, 1 << 20)))
        var isZero = true
        var done: UInt64 = 0
        while done < stretch.count {
            try Task.checkCancellation()
            let count = Int(min(UInt64(chunk.capacity), stretch.count - done))
            try file.fill(chunk, from: stretch.start + done, count: count)
            chunk.withBytes { bytes in
                sum.update(bytes)
                hash.update(bytes)
                if stretch.layer == nil { for index in bytes.indices where bytes[index] != 0 { isZero = false } }
            }
            done += UInt64(count)
            progress(UInt64(count))
        }
        let digest = hash.finish()
        return (sum, stretch.layer.map { $0.digest == digest } ?? isZero)
    }

    private func holds(_ wanted: [UInt8], at offset: UInt64) throws(CakeError) -> Bool {
        try file.bytes(at: offset, count: wanted.count) == wanted
    }

    private var names: [Digest: String] {
        var names: [Digest: String] = [:]
        for file in archive.facts.companions {
            for segment in file.segments { names[segment.layer.digest] = file.path.description }
        }
        for file in archive.facts.weightFiles {
            for segment in file.segments where segment.tensor == nil {
                names[segment.layer.digest] = "the header of \(file.path)"
            }
        }
        for entry in archive.facts.weights.entries.reversed() {
            names[entry.layer.digest] = "tensor \(entry.tensor.name.printable)"
        }
        return names
    }
}
