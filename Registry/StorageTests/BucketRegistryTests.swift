import Model
import Network
import Platform
import Support
import Testing

@testable import Remote
@testable import Storage

@Suite struct `A registry in a bucket` {
    private let stand: S3Stand
    private let s3: S3Client
    private let client: RegistryClient

    init() throws {
        stand = try S3Stand(.amazon)
        let settings = try S3Settings(
            Environment(variables: ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]), endpoint: stand.endpoint)
        let http = try HTTPClient(HTTPSettings(userAgent: "cake-tests"))
        s3 = S3Client(settings, client: http, line: Line(sleep: { _ in await Task.yield() }))
        client = RegistryClient(bucket: "bucket", s3)
    }

    /// What a server over the bucket has.
    private func storage(_ prefix: String) throws -> S3Storage {
        S3Storage(S3Bucket(try S3Place("s3://bucket/\(prefix)"), s3))
    }

    private func repository(_ name: String) throws -> RemoteRepository {
        RemoteRepository(client, try #require(RepositoryName(name)), for: [.pull, .push])
    }

    private func upload(_ bytes: [UInt8], to repository: RemoteRepository) async throws -> BlobName {
        let name = BlobName(SHA256.digest(of: bytes.span))
        let body = UploadBody(name: name, size: UInt64(bytes.count)) { range, sink in
            try await S3Body(bytes).send(range, sink)
        }
        _ = try await repository.copyBlob(body)
        return name
    }

    private func manifest(of blob: BlobName, size: Int, subject: BlobName? = nil) -> RemoteRepository.Kept {
        let about = subject.map {
            #","subject":{"mediaType":"x","digest":"\#($0)","size":1},"artifactType":"\#(SignatureBundle.mediaType)""#
        }
        let text =
            #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"\#(blob)","size":\#(size)},"layers":[]\#(about ?? "")}"#
        let bytes = Array(text.utf8)
        return RemoteRepository.Kept(
            bytes: bytes, name: BlobName(SHA256.digest(of: bytes.span)), mediaType: RegistryManifest.image)
    }

    @Test func `has the keys that a server over the same bucket has`() async throws {
        let here = try repository("some/prefix/m")
        // The data of a server tell where the prefix ends.
        let server = try storage("some")
        try await server.mark(["repositories/other/blobs/x"])
        let blob = try await upload([1, 2, 3], to: here)
        let kept = manifest(of: blob, size: 3)
        try await here.put(kept, as: .tag(try #require(TagName("v1"))))
        let signature = manifest(of: blob, size: 3, subject: kept.name)
        try await here.put(signature, as: .digest(signature.name))
        let place = RegistryLayout.keys.repository(try #require(RepositoryName("prefix/m")))
        let digest = try #require(blob.sha256)
        let wanted = [
            RegistryLayout.keys.blob(digest), place.blob(digest), place.manifest(kept.name),
            place.manifest(signature.name), place.tag(try #require(TagName("v1"))),
            place.referrer(signature.name, of: kept.name), "repositories/other/blobs/x",
        ]
        #expect(stand.keys == wanted.map { "some/" + $0 }.sorted())
        #expect(try await server.whole(place.tag(try #require(TagName("v1")))) == Array("\(kept.name)\n".utf8))
        let line = Array("cake registry manifest 1 \(RegistryManifest.image)\n".utf8)
        #expect(try await server.whole(place.manifest(kept.name)) == line + kept.bytes)
    }

    @Test func `gives back what was put there`() async throws {
        let here = try repository("team/m")
        let bytes = [UInt8](repeating: 9, count: 300_000)
        let blob = try await upload(bytes, to: here)
        let kept = manifest(of: blob, size: bytes.count)
        let tag = ManifestName.tag(try #require(TagName("v1")))
        try await here.put(kept, as: tag)
        #expect(try await here.manifest(tag).bytes == kept.bytes)
        #expect(try await here.manifest(.digest(kept.name)).mediaType == RegistryManifest.image)
        #expect(try await here.tags().map(\.text) == ["v1"])
        #expect(try await here.has(blob, size: 300_000))
        let remote = RemoteBlob(blob, size: 300_000, in: here)
        #expect(try await remote.bytes(100_000..<100_003) == [9, 9, 9])
        let descriptor = Descriptor(mediaType: "x", name: blob, size: 300_000)
        #expect(try await here.blob(descriptor, limit: 1 << 20) == bytes)
        let signature = manifest(of: blob, size: bytes.count, subject: kept.name)
        try await here.put(referrer: signature, to: kept.name)
        #expect(try await here.signatureManifests(of: kept.name) == [signature.name])
        #expect(try await here.delete(.digest(kept.name)))
        let gone = await #expect(throws: CakeError.self) { try await here.manifest(tag) }
        #expect(gone?.kind == .notFound)
        #expect(try await here.tags().isEmpty)
        #expect(try await here.delete(tag) == false)
    }

    @Test func `takes no manifest whose blob is gone, and moves no tag to it`() async throws {
        let here = try repository("team/m")
        let blob = BlobName(SHA256.digest(of: [7].span))
        let tag = ManifestName.tag(try #require(TagName("v1")))
        let error = await #expect(throws: CakeError.self) { try await here.put(manifest(of: blob, size: 1), as: tag) }
        #expect(error?.what.contains("was removed during the push") == true)
        #expect(try await here.tags().isEmpty)
    }

    @Test func `believes no bytes that do not match their name`() async throws {
        let here = try repository("team/m")
        let blob = try await upload([1, 2, 3], to: here)
        let kept = manifest(of: blob, size: 3)
        let tag = ManifestName.tag(try #require(TagName("v1")))
        try await here.put(kept, as: tag)
        let server = try storage("team")
        let layout = RegistryLayout.keys
        let place = layout.repository(try #require(RepositoryName("m")))
        try await server.set([3, 2, 1], at: layout.blob(try #require(blob.sha256)))
        let descriptor = Descriptor(mediaType: "x", name: blob, size: 3)
        await #expect(throws: CakeError.self) { try await here.blob(descriptor, limit: 10) }
        await #expect(throws: CakeError.self) { try await here.has(blob, size: 4) }
        try await server.set(Array("cake registry manifest 1 x\n{}".utf8), at: place.manifest(kept.name))
        let error = await #expect(throws: CakeError.self) { try await here.manifest(tag) }
        #expect(error?.kind == .damaged)
        try await server.set(Array("sha256:zz\n".utf8), at: place.tag(try #require(TagName("v1"))))
        await #expect(throws: CakeError.self) { try await here.manifest(tag) }
    }

    /// Of a process of its own, that has listed no tombstones yet.
    private func another(_ name: String) throws -> RemoteRepository {
        RemoteRepository(
            RegistryClient(bucket: "bucket", s3), try #require(RepositoryName(name)), for: [.pull, .push])
    }

    /// A collection may want the blob.
    private func bury(_ blob: BlobName, _ state: Tombstone.State, age: Int) async throws {
        var random = SeededNumbers(seed: 7)
        let key = Tombstone.key(of: try #require(blob.sha256))
        try await storage("team").set(Tombstone(state, using: &random).text, at: key)
        stand.age("team/" + key, seconds: age)
    }

    private func isBuried(_ blob: BlobName) throws -> Bool {
        stand.keys.contains("team/" + Tombstone.key(of: try #require(blob.sha256)))
    }

    @Test(arguments: [(Tombstone.State.waiting, 0), (.deleting, 601)])
    func `takes away a tombstone of a blob that it needs`(_ state: Tombstone.State, age: Int) async throws {
        let here = try repository("team/m")
        let blob = try await upload([1, 2, 3], to: here)
        let kept = manifest(of: blob, size: 3)
        let steps: [@Sendable () async throws -> Void] = [
            {
                let isThere = try await another("team/m").has(blob, size: 3)
                #expect(isThere)
            },
            { _ = try await upload([1, 2, 3], to: another("team/m")) },
            { try await another("team/m").put(kept, as: .tag(#require(TagName("v1")))) },
        ]
        for step in steps {
            try await bury(blob, state, age: age)
            try await step()
            #expect(try !isBuried(blob))
            #expect(stand.keys.contains { $0.hasSuffix("blobs/03/" + blob.hex) })
        }
        #expect(try await here.tags().map(\.text) == ["v1"])
    }

    @Test func `takes a blob for gone that a collection is removing, and puts none over it`() async throws {
        let here = try repository("team/m")
        let blob = try await upload([1, 2, 3], to: here)
        try await bury(blob, .deleting, age: 500)
        #expect(try await !another("team/m").has(blob, size: 3))
        let steps: [@Sendable () async throws -> Void] = [
            { _ = try await upload([1, 2, 3], to: another("team/m")) },
            { try await another("team/m").put(manifest(of: blob, size: 3), as: .tag(#require(TagName("v1")))) },
        ]
        for step in steps {
            let error = await #expect(throws: CakeError.self) { try await step() }
            #expect(error?.kind == .locked && error?.fix?.contains("in a minute") == true)
        }
        #expect(try await here.tags().isEmpty && isBuried(blob))
    }

    @Test func `marks a blob again that it was asked for, when its mark is old`() async throws {
        let here = try repository("team/m")
        let blob = try await upload([1, 2, 3], to: here)
        let mark = "team/repositories/m/blobs/\(blob.hex)"
        let before = stand.bytes(mark)
        #expect(try await here.has(blob, size: 3) && stand.bytes(mark) == before)
        stand.age(mark, seconds: 3700)
        #expect(try await here.has(blob, size: 3) && stand.bytes(mark) != before)
    }
}
