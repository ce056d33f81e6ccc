public import Model
public import Platform
internal import Remote

/// Reads the header of a safetensors file from any place: this disk, parts, a server. The caller reads each missing
/// range.
struct HeaderReader {
    /// Most headers fit; asking for a little too much costs less than asking twice.
    static let firstGuess: UInt64 = 64 << 10

    private enum State {
        case missing(Range<UInt64>)
        case ended(Result<Safetensors.Header, CakeError>)
    }

    private let size: UInt64
    private var bytes: [UInt8] = []
    private var state: State

    init(size: UInt64) {
        self.size = size
        state = .missing(0..<min(HeaderReader.firstGuess, size))
    }

    /// The range to read and add next; nil at the end.
    var missing: Range<UInt64>? { if case .missing(let range) = state { range } else { nil } }

    mutating func add(_ more: [UInt8]) {
        bytes += more
        state = read()
    }

    private func read() -> State {
        do throws(CakeError) {
            let prefix = bytes.span.extracting(first: Safetensors.prefixSize)
            let end = Safetensors.prefixSize + (try Safetensors.headerLength(prefix: prefix, fileSize: size))
            guard bytes.count >= end else { return .missing(UInt64(bytes.count)..<UInt64(end)) }
            let json = bytes.span.extracting(Safetensors.prefixSize..<end)
            return .ended(.success(try Safetensors.Header(parsing: json, fileSize: size)))
        } catch { return .ended(.failure(error)) }
    }

    func header() throws(CakeError) -> Safetensors.Header {
        guard case .ended(let result) = state else { throw CakeError(.damaged, "the file ends within its header") }
        return try result.get()
    }

    /// Of a valid header, with the length before it.
    func digest(of header: Safetensors.Header) -> Digest {
        SHA256.digest(of: bytes.span.extracting(first: Int(header.dataStart)))
    }
}

extension Segmentation {
    /// The header of a safetensors file on this disk, read and checked.
    public static func header(of file: File, size: UInt64) throws(CakeError) -> Safetensors.Header {
        var reader = HeaderReader(size: size)
        while let range = reader.missing { reader.add(try file.bytes(at: range.lowerBound, count: range.count)) }
        return try reader.header()
    }

    /// The cuts of a file called .safetensors, and the digest of its header. An invalid file becomes plain bytes: it
    /// was published that way.
    static func cuts(
        of listed: SnapshotFile, most: Int = mostCuts, reading read: (Range<UInt64>) async throws -> [UInt8]
    ) async throws -> (segmentation: Segmentation, header: Digest?) {
        var reader = HeaderReader(size: listed.size)
        while let range = reader.missing { reader.add(try await read(range)) }
        do throws(CakeError) {
            let header = try reader.header()
            return (Segmentation(header), reader.digest(of: header))
        } catch {
            guard error.kind == .damaged else { throw error }
            return (Segmentation(plain: listed.size, complaint: error.at(listed.path.description), most: most), nil)
        }
    }

    /// The cuts of a file on a server, read into memory. Nothing is written anywhere.
    static func cuts(of file: HubFile, most: Int) async throws -> (segmentation: Segmentation, header: Digest?) {
        guard hasHeader(file.listed.path) else { return (Segmentation(plain: file.listed.size, most: most), nil) }
        return try await cuts(of: file.listed, most: most) { try await file.bytes($0) }
    }
}
