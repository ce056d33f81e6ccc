public import Model
internal import Platform

/// A GGUF file on this disk, known by its header alone.
public struct GGUFFile: Sendable {
    public let header: GGUF.Header
    public let size: UInt64

    /// Tokenizers make headers long; no program writes a longer one.
    private static let longestHeader: UInt64 = 256 << 20
    private static let firstGuess: UInt64 = 1 << 20

    public static func isOne(_ path: String) throws(CakeError) -> Bool {
        guard let status = try Disk.status(path), status.kind == .file, status.size >= 4 else { return false }
        return try File(path, .read).bytes(at: 0, count: 4) == Array("GGUF".utf8)
    }

    public init(_ path: String) throws(CakeError) {
        let file = try File(path, .read)
        size = try file.size()
        var guess = GGUFFile.firstGuess
        while true {
            let bytes = try file.bytes(at: 0, count: Int(min(guess, size)))
            let found: GGUF.Header?
            do throws(CakeError) {
                found = try GGUF.Header.read(prefix: bytes.span, fileSize: size)
            } catch { throw error.at(Printable.escape(path)) }
            if let found {
                header = found
                return
            }
            guess *= 4
            guard guess <= GGUFFile.longestHeader else {
                throw CakeError(.damaged, "\(Printable.escape(path)): its header is too long")
            }
        }
    }
}
