/// The safetensors format: eight bytes of length, that many bytes of JSON, then the tensors' bytes without gaps.
///
///     N (u64, little endian) | {"__metadata__":{…},"name":{"dtype":…,"shape":[…],"data_offsets":[b,e]},…} | data
///
/// Offsets count from the end of the JSON. What is accepted is what the reference library accepts, less anything that
/// two readers could see differently: a name or a field given twice.
public enum Safetensors {
    /// The bytes before the JSON.
    public static let prefixSize = 8

    /// The reference library refuses longer headers.
    public static let maximumHeaderSize = 100_000_000

    static let advice = "download it again; if the error stays, the publisher's file is broken"

    /// The length of the JSON, from the file's first eight bytes. It comes from a stranger: checked before it is used.
    public static func headerLength(prefix: Span<UInt8>, fileSize: UInt64) throws(CakeError) -> Int {
        guard prefix.count >= prefixSize, fileSize >= UInt64(prefixSize) else {
            let what = "a safetensors file has at least \(prefixSize) bytes, this one has \(fileSize)"
            throw CakeError(.damaged, what, fix: advice)
        }
        try ByteCount.checked(fileSize, of: "a safetensors file")
        var length: UInt64 = 0
        for index in (0..<prefixSize).reversed() { length = length << 8 | UInt64(prefix[index]) }
        guard length <= UInt64(maximumHeaderSize), let count = Int(exactly: length) else {
            throw CakeError(
                .damaged,
                "the header claims \(length) bytes, and a safetensors header has at most \(maximumHeaderSize)",
                fix: "if this is not a safetensors file, give it another name; else " + advice)
        }
        guard length <= fileSize - UInt64(prefixSize) else {
            throw CakeError(
                .damaged,
                "the header claims \(length) bytes, but \(fileSize - UInt64(prefixSize)) follow in the file",
                fix: advice)
        }
        return count
    }

    /// The JSON of one file, checked against the size of that file.
    public struct Header: Hashable, Sendable {
        /// A tensor and where its bytes are, counted from the start of the file.
        public struct Entry: Hashable, Sendable {
            public let tensor: Tensor
            public let range: Range<UInt64>

            public init(tensor: Tensor, range: Range<UInt64>) {
                self.tensor = tensor
                self.range = range
            }
        }

        /// A line of `__metadata__`.
        public struct Note: Hashable, Sendable {
            public let key: String
            public let value: String

            public init(key: String, value: String) {
                self.key = key
                self.value = value
            }

            /// The note that transformers expects.
            public static let torch = Note(key: "format", value: "pt")
        }

        /// As the header has them.
        public let metadata: [Note]
        /// In the order of their bytes; those without bytes in the header's order.
        public let tensors: [Entry]
        /// Where the bytes of the tensors begin, counted from the start of the file.
        public let dataStart: UInt64
    }
}
