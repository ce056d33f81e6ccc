internal import Model
internal import Platform
internal import Remote
internal import Store

/// Brings as much of a file as says where its tensors lie, into the file's parts like everything else.
struct HeaderFetch: Sendable {
    private let file: HubFile
    private let parts: Parts

    /// Most headers fit; asking for a little too much costs less than asking twice.
    private static let firstGuess: UInt64 = 64 << 10

    init(_ file: HubFile, _ parts: Parts) {
        self.file = file
        self.parts = parts
    }

    func callAsFunction() async throws -> Segmentation {
        let listed = file.listed
        guard Segmentation.hasHeader(listed.path) else {
            // A file that will be cut is asked for a little first: for its address, once, and whether it can be cut.
            if listed.size > 2 * SpanQueue.shortest { try await bring(upTo: HeaderFetch.firstGuess) }
            return Segmentation(plain: listed.size)
        }
        try await bring(upTo: min(HeaderFetch.firstGuess, listed.size))
        let prefix = try parts.plain(0..<min(UInt64(Safetensors.prefixSize), listed.size)).all()
        switch HeaderFetch.reading({ () throws(CakeError) in
            try Safetensors.headerLength(prefix: prefix.span, fileSize: listed.size)
        }) {
        case .failure(let error): return try plain(because: error)
        case .success(let length):
            let end = UInt64(Safetensors.prefixSize + length)
            try await bring(upTo: end)
            let json = try parts.plain(UInt64(Safetensors.prefixSize)..<end).all()
            switch HeaderFetch.reading({ () throws(CakeError) in
                try Safetensors.Header(parsing: json.span, fileSize: listed.size)
            }) {
            case .failure(let error): return try plain(because: error)
            case .success(let header): return Segmentation(header)
            }
        }
    }

    private static func reading<Value>(_ body: () throws(CakeError) -> Value) -> Result<Value, CakeError> {
        do throws(CakeError) { return .success(try body()) } catch { return .failure(error) }
    }

    /// Whatever it is, its bytes are what was published: it is kept as plain bytes, and said to be.
    private func plain(because error: CakeError) throws(CakeError) -> Segmentation {
        guard error.kind == .damaged else { throw error }
        return Segmentation(plain: file.listed.size, complaint: error.at(file.listed.path.description))
    }

    private func bring(upTo end: UInt64) async throws {
        let here = parts.runs.end(from: 0)
        guard here < end else { return }
        let part = try parts.part(at: here)
        defer { part.close() }
        _ = try await file.bring(here..<end) { chunk, bytes in
            try chunk.withBytes { piece throws(CakeError) in try part.append(piece.extracting(first: bytes.count)) }
        }
    }
}

/// A copy of a file in the cache of huggingface_hub, by the name that its content gives it there.
enum CachedBlob {
    static func find(_ file: SnapshotFile, in caches: [String], of repository: HubRepository) -> File? {
        guard let name = file.sha256?.hex ?? file.gitDigest?.hex else { return nil }
        for cache in caches {
            let path = "\(cache)/\(repository.cacheFolder)/blobs/\(name)"
            guard let found = try? File(path, .read), let status = try? found.status(), status.kind == .file,
                status.size == file.size
            else { continue }
            return found
        }
        return nil
    }
}
