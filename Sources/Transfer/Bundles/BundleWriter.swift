internal import Model
internal import Platform
internal import Store

/// Writes a bundle as a tar, as several, or as a folder.
struct BundleWriter: Sendable {
    let store: LocalStore
    let progress: Progress

    /// A file of the layout.
    struct Member: Sendable {
        enum Content: Sendable {
            case bytes([UInt8])
            case pack(PackedObjects)
            /// Made from the files of a model while it is written.
            case plan(BlobPlan)
        }

        let path: FilePath
        let content: Content

        var size: UInt64 {
            switch content {
            case .bytes(let bytes): UInt64(bytes.count)
            case .pack(let objects): objects.size
            case .plan(let plan): plan.size
            }
        }

        /// In a tar, with its header and padding.
        var room: UInt64 { UInt64(TarHeader.of(path, size: size).count) + TarReader.padded(size) }
    }

    func write(_ bundle: BundleContents, to target: Save.Target) async throws -> (names: [String], bytes: UInt64) {
        switch target {
        case .stream(let sink):
            let members = try BundleWriter.members(of: bundle, bundle.large, part: nil)
            return ([], try await writeTar(members, to: sink))
        case .folder(let path): return ([path], try await writeFolder(bundle, path))
        case .file(let path, let limit, let mayReplace):
            let parts = try BundleWriter.parts(of: bundle, splitAt: limit)
            let names = parts.count == 1 && limit == nil ? [path] : parts.indices.map { path + BundleWriter.suffix($0) }
            if !mayReplace { for name in names { try BundleWriter.refuseTaken(name) } }
            if limit != nil { try BundleWriter.refuseLeft(path + BundleWriter.suffix(parts.count)) }
            return (names, try await writeFiles(parts, names))
        }
    }

    /// `.007`
    static func suffix(_ part: Int) -> String {
        let text = String(part)
        return "." + String(repeating: "0", count: max(0, 3 - text.utf8.count)) + text
    }

    private static func refuseTaken(_ path: String) throws(CakeError) {
        guard try Disk.exists(path) else { return }
        throw CakeError(
            .failed, "\(Printable.escape(path)) already exists",
            fix: "use --force to replace it, or choose another path")
    }

    /// A part more than this bundle has would be taken for one of it.
    private static func refuseLeft(_ path: String) throws(CakeError) {
        guard try Disk.exists(path) else { return }
        throw CakeError(
            .failed, "\(Printable.escape(path)) is a part of another bundle, which had more parts",
            fix: "remove the parts of that bundle, or choose another path")
    }

    /// Everything small comes first: a reader of a pipe knows what each pack is for when it comes.
    private static func members(
        of bundle: BundleContents, _ large: [BundleContents.Large], part: BundleIndex.Part?
    ) throws(CakeError) -> [Member] {
        func blob(_ digest: Digest, _ content: Member.Content) throws(CakeError) -> Member {
            Member(path: try FilePath(BundleIndex.path(of: BlobName(digest))), content: content)
        }
        var members = [
            Member(path: try FilePath(BundleIndex.layoutName), content: .bytes(BundleIndex.layout)),
            Member(
                path: try FilePath(BundleIndex.indexName),
                content: .bytes(BundleIndex(bundle.entries, part: part).encoded)),
        ]
        if let docker = bundle.docker {
            members.append(Member(path: try FilePath(BundleContents.dockerName), content: .bytes(docker)))
        }
        // A reader learns from manifests what the others are.
        let manifests = Set(bundle.entries.compactMap(\.name.sha256))
        for isManifest in [true, false] {
            for (digest, bytes) in bundle.small where manifests.contains(digest) == isManifest {
                members.append(try blob(digest, .bytes(bytes)))
            }
        }
        for one in large { members.append(try blob(one.digest, one.content)) }
        return members
    }

    /// Each part has everything small, and some of the packs.
    private static func parts(of bundle: BundleContents, splitAt limit: UInt64?) throws(CakeError) -> [[Member]] {
        guard let limit else { return [try members(of: bundle, bundle.large, part: nil)] }
        let most = BundleIndex.Part(number: BundleIndex.Part.most - 1, count: BundleIndex.Part.most)
        let small = try members(of: bundle, [], part: most).reduce(UInt64(TarHeader.end.count)) { $0 + $1.room }
        var parts: [[BundleContents.Large]] = [[]]
        var room = limit - min(limit, small)
        for one in bundle.large {
            let member = Member(path: try FilePath(BundleIndex.path(of: BlobName(one.digest))), content: one.content)
            guard small + member.room <= limit else {
                throw CakeError(
                    .usage,
                    "a part of \(Quantities.bytes(limit)) is too small for a blob of \(Quantities.bytes(member.size))",
                    fix: "use --split \((small + member.room + 999_999) / 1_000_000)MB or more")
            }
            if member.room > room, !(parts.last ?? []).isEmpty {
                parts.append([])
                room = limit - small
            }
            parts[parts.count - 1].append(one)
            room -= min(room, member.room)
        }
        guard small <= limit, parts.count <= BundleIndex.Part.most else {
            throw CakeError(
                .usage, "parts of \(Quantities.bytes(limit)) are too small", fix: "use a larger --split, such as 4GB")
        }
        var written: [[Member]] = []
        for (number, large) in parts.enumerated() {
            written.append(
                try BundleWriter.members(of: bundle, large, part: BundleIndex.Part(number: number, count: parts.count)))
        }
        return written
    }

    /// Returns how many bytes the tar has.
    private func writeTar(_ members: [Member], to sink: (Span<UInt8>) throws -> Void) async throws -> UInt64 {
        var output = Gathering()
        for member in members {
            try output.add(TarHeader.of(member.path, size: member.size), to: sink)
            try await write(member.content, to: &output, sink)
            try output.add(TarHeader.padding(member.size), to: sink)
        }
        try output.add(TarHeader.end, to: sink)
        try output.flush(to: sink)
        return output.passed
    }

    private func write(
        _ content: Member.Content, to output: inout Gathering, _ sink: (Span<UInt8>) throws -> Void
    ) async throws {
        switch content {
        case .bytes(let bytes): try output.add(bytes, to: sink)
        case .pack(let objects):
            for object in objects.objects {
                let bytes = try objects.stored(object).bytes
                try output.add(bytes, to: sink) { progress.did(bytes: $0) }
            }
        case .plan(let plan):
            try await plan.read(by: LayerReader(store)) { piece in
                try piece.withBytes { try output.add($0, to: sink) }
                progress.did(bytes: UInt64(piece.count))
            }
        }
    }

    private func writeFiles(_ parts: [[Member]], _ names: [String]) async throws -> UInt64 {
        let folder = try ExportFolder(Disk.parent(of: names[0]))
        let size = parts.joined().reduce(UInt64(0)) { $0 + $1.room }
        try? folder.clear()
        try folder.refuseIfTooSmall(for: size)
        try folder.begin()
        var bytes: UInt64 = 0
        do {
            for (number, members) in parts.enumerated() {
                let file = try File(folder.part(number), .create)
                var place: UInt64 = 0
                bytes += try await writeTar(members) { span in
                    try file.write(span, at: place)
                    file.startWriting(from: place, count: UInt64(span.count))
                    place += UInt64(span.count)
                }
            }
            try folder.publish(names.map { name throws(CakeError) in try FilePath(Disk.lastPart(of: name)) })
        } catch {
            folder.discard()
            throw error
        }
        return bytes
    }

    /// The index comes last: until then the folder is no bundle. What says that it is a layout is on the disk before it.
    private func writeFolder(_ bundle: BundleContents, _ path: String) async throws -> UInt64 {
        if try Disk.exists(path), try !Disk.names(in: path).filter({ !$0.hasPrefix(".cake-") }).isEmpty {
            throw CakeError(
                .failed, "\(Printable.escape(path)) is not empty", fix: "choose a new folder, or remove this one")
        }
        let folder = try ExportFolder(path)
        let members = try BundleWriter.members(of: bundle, bundle.large, part: nil)
        try folder.refuseIfTooSmall(for: members.reduce(UInt64(0)) { $0 + $1.room })
        try? folder.clear()
        var bytes: UInt64 = 0
        for some in [members[2...], members[..<1], members[1..<2]].map(Array.init) where !some.isEmpty {
            try folder.begin()
            do {
                for (number, member) in some.enumerated() {
                    let file = try File(folder.part(number), .create)
                    var output = Gathering()
                    var place: UInt64 = 0
                    let sink = { (span: Span<UInt8>) throws in
                        try file.write(span, at: place)
                        place += UInt64(span.count)
                    }
                    try await write(member.content, to: &output, sink)
                    try output.flush(to: sink)
                    bytes += output.passed
                }
                try folder.publish(some.map(\.path))
            } catch {
                folder.discard()
                throw error
            }
        }
        return bytes
    }
}
