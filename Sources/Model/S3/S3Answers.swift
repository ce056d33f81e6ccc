/// The error document of object storage.
public struct S3Refusal: Hashable, Sendable {
    public let code: String
    public let message: String
    /// Where the bucket is, if the request went to another region.
    public let region: String?
    /// Seconds since 1970, if the clocks differ.
    public let requestTime: Int?
    public let serverTime: Int?

    /// Nil for other text. A token service wraps it.
    public init?(parsing bytes: [UInt8]) {
        guard let document = try? XMLElement(parsing: bytes) else { return nil }
        let error = document.name == "Error" ? document : document["Error"]
        guard let error, let code = error.text("Code"), code.utf8.count <= 64 else { return nil }
        self.code = Printable.escape(code)
        message = Printable.escape(String((error.text("Message") ?? "").prefix(300)))
        region = error.text("Region").map { Printable.escape(String($0.prefix(64))) }
        requestTime = error.text("RequestTime").flatMap(S3Time.seconds)
        serverTime = error.text("ServerTime").flatMap(S3Time.seconds)
    }
}

/// One page of a listing. Every key begins with the prefix that was asked for.
public struct S3Listing: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let key: String
        public let size: UInt64
        public let etag: String
        /// Seconds since 1970.
        public let time: Int
    }

    public var entries: [Entry] = []
    /// Beginnings of keys up to a delimiter, with it.
    public var folders: [String] = []
    /// Where the next page begins; nil after the last.
    public var next: String?

    /// Takes a common beginning of so many bytes off all keys.
    public mutating func shorten(by count: Int) {
        func short(_ key: String) -> String { String(decoding: key.utf8.dropFirst(count), as: UTF8.self) }
        entries = entries.map { Entry(key: short($0.key), size: $0.size, etag: $0.etag, time: $0.time) }
        folders = folders.map(short)
    }

    public init(parsing bytes: [UInt8], prefix: String) throws(CakeError) {
        let document = try XMLElement(parsing: bytes)
        guard document.name == "ListBucketResult" else {
            throw S3Listing.wrong("it is a \(Printable.escape(document.name))")
        }
        let isEncoded = document.text("EncodingType") == "url"
        func plain(_ text: String?) throws(CakeError) -> String {
            try S3Listing.key(text, isEncoded: isEncoded, prefix: prefix)
        }
        for found in document.all("Contents") {
            guard let size = found.text("Size").flatMap({ UInt64($0) }), size <= ByteCount.maximum,
                let time = found.text("LastModified").flatMap(S3Time.seconds), let etag = found.text("ETag")
            else { throw S3Listing.wrong("an entry has no size, time or ETag") }
            entries.append(Entry(key: try plain(found.text("Key")), size: size, etag: etag, time: time))
        }
        for found in document.all("CommonPrefixes") { folders.append(try plain(found.text("Prefix"))) }
        guard document.text("IsTruncated") == "true" else { return }
        next = document.text("NextContinuationToken")
        guard next != nil else { throw S3Listing.wrong("it is cut, and does not say where it goes on") }
    }

    fileprivate static func key(_ text: String?, isEncoded: Bool, prefix: String) throws(CakeError) -> String {
        guard let text else { throw wrong("a key is missing") }
        guard let key = isEncoded ? PercentText.decode(text.replacing("+", with: " ")) : text else {
            throw wrong("a key is badly encoded")
        }
        guard key.utf8.starts(with: prefix.utf8) else { throw wrong("a key lies outside of what was asked for") }
        return key
    }

    fileprivate static func wrong(_ why: String) -> CakeError {
        CakeError(.damaged, "the listing is wrong: \(why)")
    }
}

/// Uploads in parts.
public enum S3Multipart {
    public struct Part: Hashable, Sendable {
        public let number: Int
        public let etag: String
        public let size: UInt64

        public init(number: Int, etag: String, size: UInt64) {
            (self.number, self.etag, self.size) = (number, etag, size)
        }
    }

    /// The name that a new upload got.
    public static func upload(in answer: [UInt8]) throws(CakeError) -> String {
        guard let id = try XMLElement(parsing: answer).text("UploadId"), id.utf8.count <= 2048 else {
            throw CakeError(.damaged, "the new upload has no name")
        }
        return id
    }

    /// The parts that are there, and where the next page begins.
    public static func parts(in answer: [UInt8]) throws(CakeError) -> (parts: [Part], next: Int?) {
        let document = try XMLElement(parsing: answer)
        var parts: [Part] = []
        for found in document.all("Part") {
            guard let number = found.text("PartNumber").flatMap({ Int($0) }), (1...10_000).contains(number),
                let size = found.text("Size").flatMap({ UInt64($0) }), size <= ByteCount.maximum,
                let etag = found.text("ETag")
            else { throw CakeError(.damaged, "the list of parts is wrong") }
            parts.append(Part(number: number, etag: etag, size: size))
        }
        guard document.text("IsTruncated") == "true" else { return (parts, nil) }
        guard let next = document.text("NextPartNumberMarker").flatMap({ Int($0) }), next > 0 else {
            throw CakeError(.damaged, "the list of parts is cut, and does not say where it goes on")
        }
        return (parts, next)
    }

    /// An upload that was begun and not completed. Its parts take room.
    public struct Unfinished: Hashable, Sendable {
        public var key: String
        public let upload: String
        /// Seconds since 1970.
        public let time: Int
    }

    /// Unfinished uploads of keys that begin with a prefix, and where the next page begins.
    public static func unfinished(
        in answer: [UInt8], prefix: String
    ) throws(CakeError) -> (uploads: [Unfinished], next: (key: String, upload: String)?) {
        let document = try XMLElement(parsing: answer)
        guard document.name == "ListMultipartUploadsResult" else {
            throw S3Listing.wrong("it is a \(Printable.escape(document.name))")
        }
        // No client asks for encoded keys here: Ceph encodes them then, and does not say so.
        var uploads: [Unfinished] = []
        for found in document.all("Upload") {
            guard let id = found.text("UploadId"), id.utf8.count <= 2048,
                let time = found.text("Initiated").flatMap(S3Time.seconds)
            else { throw S3Listing.wrong("an upload has no name or time") }
            let key = try S3Listing.key(found.text("Key"), isEncoded: false, prefix: prefix)
            uploads.append(Unfinished(key: key, upload: id, time: time))
        }
        guard document.text("IsTruncated") == "true" else { return (uploads, nil) }
        guard let upload = document.text("NextUploadIdMarker") else {
            throw S3Listing.wrong("it is cut, and does not say where it goes on")
        }
        let key = try S3Listing.key(document.text("NextKeyMarker"), isEncoded: false, prefix: prefix)
        return (uploads, (key, upload))
    }

    /// The request that makes one value of its parts.
    public static func completion(of parts: [Part]) -> [UInt8] {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for part in parts.sorted(by: { $0.number < $1.number }) {
            let etag = part.etag.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            text += "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(etag)</ETag></Part>"
        }
        return Array((text + "</CompleteMultipartUpload>").utf8)
    }
}
