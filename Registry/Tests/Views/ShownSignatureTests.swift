import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing

/// A signature that the store has of a model: every route that shows it, asked by a client that may have the model, and by those
/// that may not.
@Suite struct `A signature of a model that is served` {
    private struct Signed {
        let model: Exhibit
        let bundle: [UInt8]
        let routes: [(what: String, address: String, mark: String)]

        /// Beside the model's own manifest, and beside those of its views.
        init(_ state: Exhibit.State) async throws {
            model = try await Exhibit(state, views: ShapeViews(WrittenShape.allCases))
            bundle = SignatureBundle(payload: [1, 2], signature: [3], hint: Digest.empty.hex).encoded
            let store = try LocalStore(at: model.stage.scratch["store"], pool: testPool)
            let operation = try Operation(store)
            try operation.hold(manifest: model.model)
            try store.keep(bundle, of: model.model, by: .empty, in: operation)
            var routes: [(String, String, String)] = []
            for subject in [model.bytes] + model.views.values {
                let descriptor = Descriptor(
                    mediaType: RegistryManifest.image, name: sha256(subject), size: UInt64(subject.count))
                let manifest = SignatureArtifact.encode(
                    bundle: SignatureArtifact.bundle(sha256(bundle), size: bundle.count),
                    config: sha256(SignatureArtifact.config), subject: descriptor)
                let place = "/v2/\(model.repository)"
                routes += [
                    ("list", "\(place)/referrers/\(sha256(subject))", "\(sha256(manifest))"),
                    (
                        "filtered", "\(place)/referrers/\(sha256(subject))?artifactType=\(SignatureBundle.mediaType)",
                        "sigstore"
                    ),
                    ("manifest", "\(place)/manifests/\(sha256(manifest))", "\(sha256(subject))"),
                    ("bundle", "\(place)/blobs/\(sha256(bundle))", "dsseEnvelope"),
                ]
            }
            self.routes = routes
        }
    }

    @Test(arguments: Exhibit.State.allCases)
    func `is shown to whom the model is shown, and by no route to others`(state: Exhibit.State) async throws {
        try await MirrorStage.asClient {
            let signed = try await Signed(state)
            for route in signed.routes {
                let reply = try signed.model.ask("GET", route.address, as: .reader)
                #expect(reply.status < 500, "\(route): \(reply.text)")
                #expect(reply.text.contains(route.mark) == (state == .open), "\(state): \(route): \(reply.status)")
                let head = try signed.model.ask("HEAD", route.address, as: .reader)
                if route.what != "list", route.what != "filtered" {
                    #expect((head.status == 200) == (state == .open), "\(state): HEAD \(route): \(head.status)")
                }
            }
            let other = try signed.model.ask(
                "GET", "/v2/\(signed.model.repository)/referrers/\(signed.model.manifest)?artifactType=text/plain",
                as: .reader)
            #expect(!other.text.contains("sigstore"))
        }
    }

    @Test func `is sent in ranges, and is no blob for those who push`() async throws {
        try await MirrorStage.asClient {
            let signed = try await Signed(.open)
            let address = "/v2/org/model/blobs/\(sha256(signed.bundle))"
            let part = try signed.model.ask("GET", address, [("Range", "bytes=1-4")], as: .reader)
            #expect(part.status == 206 && part.body == Array(signed.bundle[1...4]))
            let beyond = try signed.model.ask("GET", address, [("Range", "bytes=99999-")], as: .reader)
            #expect(beyond.status == 416)
            #expect(try signed.model.ask("HEAD", address, as: .team).status == 404)
        }
    }
}
