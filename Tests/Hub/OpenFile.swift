internal import CCrypto
internal import Glibc

/// A file to send from; closed when the last owner lets go.
final class OpenFile: Sendable {
    let descriptor: Int32
    let path: String
    let stamp: FileStamp
    var size: UInt64 { stamp.size }

    init?(_ path: String) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.path = path
        stamp = FileStamp(status)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func bytes(_ range: Range<UInt64>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(range.count))
        let count = bytes.count
        let got = unsafe bytes.withUnsafeMutableBytes {
            unsafe pread(descriptor, $0.baseAddress, count, off_t(range.lowerBound))
        }
        return got == count ? bytes : Array(bytes.prefix(max(0, got)))
    }
}

/// Changes when a file does.
struct FileStamp: Hashable, Sendable {
    let size: UInt64
    let node: UInt64
    let seconds: Int
    let nanoseconds: Int

    init(_ status: stat) {
        size = UInt64(status.st_size)
        node = UInt64(status.st_ino)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

enum Folder {
    enum Kind { case file(FileStamp), folder }

    static func kind(_ path: String) -> Kind? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(FileStamp(status))
        case S_IFDIR: return .folder
        default: return nil
        }
    }

    static func names(_ path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Every file under a folder, but for names that begin with `.hub`.
    static func files(_ root: String, _ prefix: String = "") -> [(path: String, stamp: FileStamp)] {
        var result: [(path: String, stamp: FileStamp)] = []
        for name in names(root) where !name.hasPrefix(".hub") {
            switch kind(root + "/" + name) {
            case .file(let stamp): result.append((prefix + name, stamp))
            case .folder: result += files(root + "/" + name, prefix + name + "/")
            case nil: break
            }
        }
        return result
    }
}

/// SHA-1 and SHA-256 as lower-case hex.
enum Hash {
    case sha1, sha256

    func hex(_ bytes: [UInt8]) -> String { run { $0(bytes) } }

    /// Of a git blob with these bytes, or of a file's bytes alone.
    func hex(_ file: OpenFile, prefix: [UInt8] = []) -> String {
        run { update in
            update(prefix)
            var offset: UInt64 = 0
            while offset < file.size {
                let piece = file.bytes(offset..<min(offset + 1 << 20, file.size))
                if piece.isEmpty { break }
                update(piece)
                offset += UInt64(piece.count)
            }
        }
    }

    private func run(_ body: (([UInt8]) -> Void) -> Void) -> String {
        guard let context = unsafe EVP_MD_CTX_new() else { return "" }
        defer { unsafe EVP_MD_CTX_free(context) }
        unsafe EVP_DigestInit_ex(context, self == .sha1 ? EVP_sha1() : EVP_sha256(), nil)
        body { bytes in unsafe bytes.withUnsafeBytes { _ = unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        unsafe EVP_DigestFinal_ex(context, &digest, &count)
        return digest[..<Int(count)].map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
