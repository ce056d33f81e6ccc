internal import Model
internal import Platform
internal import Remote

/// Reads into memory as much of a remote file as says where its tensors lie. Nothing is written anywhere.
struct RemoteHeader: Sendable {
    private let file: HubFile
    private let mostCuts: Int

    /// Most headers fit; asking for a little too much costs less than asking twice.
    private static let firstGuess: UInt64 = 64 << 10

    init(_ file: HubFile, mostCuts: Int) {
        self.file = file
        self.mostCuts = mostCuts
    }

    /// The cuts, and the digest of the header, which is the only layer whose bytes were seen.
    func callAsFunction() async throws -> (segmentation: Segmentation, header: Digest?) {
        let listed = file.listed
        guard Segmentation.hasHeader(listed.path) else {
            return (Segmentation(plain: listed.size, most: mostCuts), nil)
        }
        let start = try await read(upTo: min(RemoteHeader.firstGuess, listed.size), after: [])
        do {
            let prefix = start.span.extracting(first: Safetensors.prefixSize)
            let length = try Safetensors.headerLength(prefix: prefix, fileSize: listed.size)
            let end = Safetensors.prefixSize + length
            let bytes = try await read(upTo: UInt64(end), after: start)
            let json = bytes.span.extracting(Safetensors.prefixSize..<end)
            let header = try Safetensors.Header(parsing: json, fileSize: listed.size)
            return (Segmentation(header), SHA256.digest(of: bytes.span.extracting(first: end)))
        } catch let error as CakeError where error.kind == .damaged {
            // A pull would keep it as plain bytes: so it is shown.
            let complaint = error.at(listed.path.description)
            return (Segmentation(plain: listed.size, complaint: complaint, most: mostCuts), nil)
        }
    }

    private func read(upTo end: UInt64, after start: [UInt8]) async throws -> [UInt8] {
        guard UInt64(start.count) < end else { return start }
        return start + (try await file.bytes(UInt64(start.count)..<end))
    }
}
