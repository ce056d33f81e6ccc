internal import Model
internal import Platform
internal import Store

/// Reads a bundle's small blobs from a stream, up to its first pack.
struct StreamHead {
    private let label: String
    private var index: BundleIndex?
    /// Blobs that are read into memory, and how large each may be.
    private var expected: [BlobName: (size: UInt64, limit: Int)] = [:]
    private(set) var blobs: [BlobName: [UInt8]] = [:]
    private var manifests: Set<BlobName> = []

    init(_ label: String) { self.label = label }

    /// Nil at the end of the stream. The member that was met and not read comes along.
    mutating func read(_ stream: inout BundleStream) async throws -> (BundleIndex, first: BundleStream.Next)? {
        var hasLayout = false
        var isFirst = true
        while true {
            let next: BundleStream.Next
            do {
                next = try await stream.next()
            } catch let error as CakeError where isFirst && error.kind == .damaged {
                throw BundleFiles.notOne(label)
            }
            guard case .member(let member) = next else {
                if isFirst, case .end = next { return nil }
                guard let index, hasLayout else { throw BundleFiles.notOne(label) }
                return (index, next)
            }
            isFirst = false
            switch member.path.string {
            case BundleIndex.layoutName:
                try Load.check(layout: await stream.bytes(of: member, limit: 1 << 16))
                hasLayout = true
            case BundleIndex.indexName:
                let bytes = try await stream.bytes(of: member, limit: BundleIndex.maximumSize)
                let found = try BundleIndex(parsing: bytes.span)
                for entry in found.entries where entry.mediaType == RegistryManifest.image {
                    expected[entry.name] = (entry.size, RegistryManifest.maximumSize)
                    manifests.insert(entry.name)
                }
                index = found
            case let path:
                guard let name = BundleIndex.blob(at: path) else { continue }
                guard let index else {
                    throw CakeError(
                        .failed, "another tool wrote this bundle: its index comes behind its blobs",
                        fix: "write it to a file, and load that")
                }
                guard let (size, limit) = expected[name] else {
                    // All that is expected came: this is a pack, or nothing of ours.
                    guard expected.keys.allSatisfy({ blobs[$0] != nil }) else { continue }
                    return (index, next)
                }
                guard member.size == size else {
                    throw BundleHead.wrongSize(name, member.size, size, label)
                }
                let bytes = try await stream.bytes(of: member, limit: limit)
                blobs[name] = bytes
                if manifests.contains(name) { try expect(bytes) }
            }
        }
    }

    /// The blobs that a model's manifest names, but its packs.
    private mutating func expect(_ manifest: [UInt8]) throws {
        let manifest = try RegistryManifest(parsing: manifest.span)
        if let signature = SignatureArtifact.bundle(in: manifest) {
            expected[signature.name] = (signature.size, SignatureBundle.maximumSize)
        }
        guard let artifact = try BundleHead.artifact(manifest, label) else { return }
        expected[artifact.manifest.name] = (artifact.manifest.size, ManifestText.maximumSize)
        expected[artifact.index.name] = (artifact.index.size, PackIndex.maximumSize)
        if let needs = artifact.needs { expected[needs.name] = (needs.size, LayerList.maximumSize) }
    }
}

/// The packs of a stream: each is put into a file without a name, as far as its members are wanted.
final class StreamPacks: @unchecked Sendable {
    /// One task reads; who started it looks when that has ended.
    private(set) var stream: BundleStream
    private var next: BundleStream.Next
    private let sizes: [BlobName: UInt64]
    private let label: String
    private(set) var seen: Set<BlobName> = []

    init(_ stream: BundleStream, next: BundleStream.Next, sizes: [BlobName: UInt64], label: String) {
        (self.stream, self.next, self.sizes, self.label) = (stream, next, sizes, label)
    }

    /// Up to the end of the archive. `wanted` gives the number of a pack, and its members in their order.
    func pass(
        to arrived: ArrivedPacks, in operation: Operation,
        _ wanted: (BlobName) -> (number: Int, members: [PackIndex.Member])?
    ) async throws {
        while case .member(let member) = next {
            if let name = BundleIndex.blob(at: member.path.string), let size = sizes[name] {
                guard member.size == size else { throw BundleHead.wrongSize(name, member.size, size, label) }
                seen.insert(name)
                if let (number, members) = wanted(name) {
                    try await take(member, number, members, arrived, operation)
                }
            }
            next = try await stream.next()
        }
    }

    private func take(
        _ member: TarMember, _ number: Int, _ members: [PackIndex.Member], _ arrived: ArrivedPacks,
        _ operation: Operation
    ) async throws {
        let path = operation.folder + "/pack-of-bundle-\(number)"
        let file = try File(path, .create)
        try Disk.remove(path)
        arrived.put(file, at: 0, number)
        var done = 0
        try await stream.pass(member) { offset, bytes in
            let end = offset + UInt64(bytes.count)
            var index = done
            while index < members.count, members[index].offset < end {
                let wanted = members[index].bytes.clamped(to: offset..<end)
                if !wanted.isEmpty {
                    try file.write(
                        bytes.extracting(Int(wanted.lowerBound - offset)..<Int(wanted.upperBound - offset)),
                        at: wanted.lowerBound)
                }
                if members[index].bytes.upperBound <= end, index == done {
                    arrived.has(index, of: number)
                    done += 1
                }
                index += 1
            }
        }
    }
}
