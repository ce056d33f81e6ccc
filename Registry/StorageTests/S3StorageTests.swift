import Model
import Network
import Platform
import Support
import Testing

@testable import Remote
@testable import Storage

@Suite struct `A storage in a bucket` {
    private let key = "blobs/ab/abc"

    @Test(arguments: S3Engine.there) func `puts large values in parts`(_ engine: S3Engine) async throws {
        try await engine.with(largestRequest: 1 << 20, between: { $0 }) { storage, stand in
            let bytes = [UInt8](repeating: 3, count: 17 << 20) + [1, 2, 3, 4, 5]
            let isPut = try await storage.copy(StorageBody(bytes), at: key)
            #expect(isPut)
            #expect(try await storage.whole(key) == bytes)
            #expect(try await storage.copy(StorageBody(bytes), at: "other"))
            #expect(try await storage.putIfAbsent(bytes, at: key) == false)
            guard let stand else { return }
            let isInParts = stand.asked.contains { $0.contains("partNumber=2") }
            #expect(stand.uploads == 0 && isInParts == (engine == .amazon))
        }
    }

    @Test(arguments: S3Engine.there)
    func `drops uploads of killed writers when they are old`(_ engine: S3Engine) async throws {
        try await engine.with { storage, stand in
            let bucket = storage.values.bucket
            let elsewhere = S3Bucket(try S3Place("s3://bucket/elsewhere-\(S3Bucket.newName)"), bucket.client)
            let other = try await elsewhere.begin("blobs/a", [:])
            for number in 0..<3 { _ = try await bucket.begin("blobs/a b+\(number)", [:]) }
            #expect(try await storage.dropUnfinished(olderThan: 3600) == 0)
            stand?.ageUploads(seconds: 3600)
            // moto says of every upload that it was begun in 2010.
            let saysWhen = try await bucket.saysWhenUploadsBegan()
            #expect(saysWhen || stand == nil)
            #expect(try await storage.dropUnfinished(olderThan: stand == nil ? 0 : 3600) == (saysWhen ? 3 : 0))
            #expect(try await storage.dropUnfinished(olderThan: 0) == 0)
            if let stand { #expect(stand.uploads == 1) }
            await elsewhere.abort(other, of: "blobs/a")
        }
    }

    @Test func `lists unfinished uploads page by page`() async throws {
        let stand = try S3Stand(.amazon, page: 2)
        let settings = try S3Settings(
            Environment(variables: ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]),
            endpoint: stand.endpoint)
        let client = S3Client(settings, client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        let bucket = S3Bucket(try S3Place("s3://bucket"), client)
        for number in 0..<5 { _ = try await bucket.begin("a\(number)", [:]) }
        #expect(try await bucket.dropUnfinished(olderThan: 0) == 5)
        #expect(stand.uploads == 0)
    }

    @Test func `begins again when the storage lost an upload`() async throws {
        let bytes = [UInt8](repeating: 3, count: 2 << 20)
        let stand = try S3Stand(.amazon)
        let line = try FaultLine(
            to: stand.endpoint,
            [
                { _, address in
                    guard address.contains("/blobs/"), address.contains("partNumber=1") else { return nil }
                    stand.loseUploads()
                    return .twice
                }
            ])
        try await S3Engine.amazon.with(largestRequest: 1 << 20, between: { _ in line.endpoint }) { storage, _ in
            _ = try await storage.values.abilities()
            #expect(try await storage.putIfAbsent(bytes, at: key))
            #expect(try await storage.whole(key) == bytes && line.left == 0)
        }
    }

    @Test func `sends a part again that the storage lost`() async throws {
        let bytes = [UInt8](repeating: 3, count: 17 << 20)
        let stand = try S3Stand(.amazon)
        let line = try FaultLine(
            to: stand.endpoint,
            [
                { method, address in
                    guard method == "POST", address.contains("/blobs/"), address.contains("uploadId=") else {
                        return nil
                    }
                    stand.losePart(2)
                    return .twice
                }
            ])
        try await S3Engine.amazon.with(largestRequest: 1 << 20, between: { _ in line.endpoint }) { storage, _ in
            _ = try await storage.values.abilities()
            let before = stand.asked.count
            #expect(try await storage.putIfAbsent(bytes, at: key))
            #expect(try await storage.whole(key) == bytes && stand.uploads == 0)
            let parts = stand.asked.dropFirst(before).filter { $0.contains("partNumber=") }
            #expect(parts.count { $0.contains("partNumber=1&") } == 1 && parts.count == 3)
        }
    }

    @Test func `refuses an engine that ignores conditions`() async throws {
        let stand = try S3Stand(.careless)
        try await S3Engine.amazon.with(between: { _ in stand.endpoint }) { storage, _ in
            let error = await #expect(throws: CakeError.self) { try await storage.set([1], at: key) }
            #expect(error?.what.contains("ignores If-None-Match") == true && error?.fix != nil)
            #expect(stand.keys.isEmpty)
        }
    }

    @Test(arguments: S3Engine.there) func `leaves nothing but what was put`(_ engine: S3Engine) async throws {
        try await engine.with { storage, stand in
            try await storage.set([1], at: "a")
            let version = try #require(try await storage.look(at: "a")).version
            #expect(try await storage.remove("a", ifUnchanged: version))
            #expect(try await storage.names(in: "").filter { $0 != "probe" }.isEmpty)
            if let stand { #expect(stand.keys.isEmpty) }
        }
    }

    @Test(arguments: S3Engine.there) func `makes a mark another each time`(_ engine: S3Engine) async throws {
        try await engine.with { storage, _ in
            try await storage.mark(["m/a"])
            let first = try #require(try await storage.look(at: "m/a"))
            try await storage.mark(["m/a"])
            let second = try #require(try await storage.look(at: "m/a"))
            #expect(first.version != second.version && second.size == 0)
            #expect(try await storage.remove("m/a", ifUnchanged: first.version) == false)
            #expect(try await storage.names(in: "m") == ["a"])
        }
    }

    /// An engine of which one DELETE is refused: a removal stops half way.
    private func refusingRemoval() throws -> (stand: S3Stand, line: FaultLine) {
        let stand = try S3Stand(.ceph)
        let line = try FaultLine(
            to: stand.endpoint,
            [
                { method, address in
                    method == "DELETE" && address.hasSuffix("/a") ? .refused(403, code: "AccessDenied") : nil
                }
            ])
        return (stand, line)
    }

    @Test func `hides the remains of a removal, and puts nothing over them while they may go`() async throws {
        let (stand, line) = try refusingRemoval()
        try await S3Engine.ceph.with(between: { _ in line.endpoint }) { storage, _ in
            try await storage.set([1, 2, 3], at: "x/a")
            let version = try #require(try await storage.look(at: "x/a")).version
            #expect(try await storage.remove("x/a", ifUnchanged: version))
            #expect(line.left == 0)
            let remains = try #require(stand.keys.first { $0.hasSuffix("/x/a") })
            #expect(stand.bytes(remains)?.count == Int(S3Values.removedSize))
            #expect(try await storage.look(at: "x/a") == nil)
            #expect(try await storage.whole("x/a") == nil)
            #expect(try await storage.names(in: "x").isEmpty)
            #expect(try await storage.remove("x/a", ifUnchanged: nil) == false)
            #expect(try await storage.remove("x/a", ifUnchanged: version) == false)
            for condition in [StorageCondition<S3Storage.Version>.absent, .always] {
                let error = await #expect(throws: CakeError.self) {
                    try await storage.put(StorageBody([4]), at: "x/a", if: condition)
                }
                #expect(error?.what.contains("is being removed") == true)
            }
            // By now no request of the server that removed it can be under way.
            stand.age(remains, seconds: S3Values.longestRequest + 5)
            #expect(try await storage.putIfAbsent([4], at: "x/a"))
            #expect(try await storage.whole("x/a") == [4])
        }
    }

    @Test func `removes remains that it meets in a listing`() async throws {
        let (stand, line) = try refusingRemoval()
        try await S3Engine.ceph.with(between: { _ in line.endpoint }) { storage, _ in
            try await storage.set([1, 2, 3], at: "x/a")
            _ = try await storage.remove("x/a", ifUnchanged: try #require(try await storage.look(at: "x/a")).version)
            let remains = try #require(stand.keys.first { $0.hasSuffix("/x/a") })
            #expect(try await storage.names(in: "x").isEmpty && stand.keys.contains(remains))
            stand.age(remains, seconds: S3Values.longestRequest + 5)
            #expect(try await storage.names(in: "x").isEmpty && !stand.keys.contains(remains))
        }
    }

    @Test(arguments: S3Engine.there) func `lists more keys than a page holds`(_ engine: S3Engine) async throws {
        let stand = try S3Stand(.amazon, page: 3)
        try await engine.with(between: { engine == .named ? $0 : stand.endpoint }) { storage, _ in
            let names = (0..<20).map { "n\($0)" }.sorted()
            try await storage.mark(names.map { "many/\($0)" } + names.map { "many/folder \($0)/x" })
            let found = try await storage.names(in: "many")
            let wanted = (names + names.map { "folder \($0)" }).sorted()
            #expect(found == wanted)
        }
    }

    @Test(arguments: S3Engine.there) func `gives a short address that needs no key`(_ engine: S3Engine) async throws {
        try await engine.with { storage, _ in
            try await storage.set(Array("hello".utf8), at: key)
            let link = try #require(try await storage.link(to: key, seconds: 3600))
            #expect(link.contains("X-Amz-Expires=300") && !link.contains("secret"))
            let answer = try await storage.values.bucket.client.http.fetch(HTTPRequest(.get, link), limit: 100)
            #expect(answer.body == Array("hello".utf8))
        }
    }
}
