internal import Model
internal import Platform

/// The mounts of this machine, as the kernel lists them.
enum MountTable {
    struct Entry: Hashable, Sendable {
        let path: String
        /// `fuse.cake` for cake's own.
        let type: String
        let source: String
    }

    static let subtype = "cake"

    /// The topmost mount at a path; nil if nothing is mounted there.
    static func entry(at path: String) throws(CakeError) -> Entry? {
        try entries(Disk.readAll("/proc/self/mountinfo", limit: 64 << 20)).last { $0.path == path }
    }

    /// `36 35 98:0 /root /path options - type source options`, with spaces and the like as `\040`.
    static func entries(_ text: [UInt8]) -> [Entry] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "))
            guard words.count > 6, let dash = words[6...].firstIndex(where: { $0.elementsEqual([UInt8(ascii: "-")]) }),
                dash + 2 < words.count
            else { return nil }
            return Entry(path: plain(words[4]), type: plain(words[dash + 1]), source: plain(words[dash + 2]))
        }
    }

    private static func plain(_ word: ArraySlice<UInt8>) -> String {
        var bytes: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest = rest.dropFirst(3)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
