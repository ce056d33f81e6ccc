public import Model
internal import Platform

/// Models of the store in the shapes of other tools. Nothing but digests is written.
extension LocalStore {
    /// The model in a shape. Files whose digests are a publisher's claim are hashed first, and tar layers that were never hashed.
    public func shaped(
        _ named: Named, as shape: WrittenShape, on base: ImageBase? = nil,
        expect: (UInt64) -> Void = { _ in }, did: (UInt64) -> Void = { _ in }
    ) async throws -> ShapedModel {
        let digest = named.record.manifest
        let manifest = try manifest(digest)
        _ = try await verifyClaimedFiles(of: manifest, digest, expect: { bytes, _ in expect(bytes) }, did: did)
        let plans = try plans(of: manifest, as: shape, on: base)
        let digests = try await digests(
            of: plans, of: digest, by: LayerReader(self), expect: expect, did: did)
        return try shaped(named, manifest, as: shape, on: base, plans, digests)
    }

    /// The same without reading a model's bytes: nil while a digest is not known.
    package func shapedAtOnce(_ named: Named, as shape: WrittenShape) throws(CakeError) -> ShapedModel? {
        let digest = named.record.manifest
        guard try !areFilesClaimed(in: digest) else { return nil }
        let manifest = try manifest(digest)
        let plans = try plans(of: manifest, as: shape, on: nil)
        let digests = knownDigests(of: plans, of: digest).compactMap(\.self)
        guard digests.count == plans.count else { return nil }
        return try shaped(named, manifest, as: shape, on: nil, plans, digests)
    }

    /// The plans of its tar layers; a shape without them needs no plan.
    private func plans(
        of manifest: Manifest, as shape: WrittenShape, on base: ImageBase?
    ) throws(CakeError) -> [BlobPlan] {
        guard shape == .image else { return [] }
        let below = base?.layers.count ?? 0
        guard below + 2 <= ImageLayers.most else {
            throw CakeError(
                .failed, "the base image has \(below) layers, and an image may have \(ImageLayers.most)",
                fix: "choose a base image with fewer layers")
        }
        return try ImageLayers.plans(of: manifest.files, most: ImageLayers.most - below)
    }

    private func shaped(
        _ named: Named, _ manifest: Manifest, as shape: WrittenShape, on base: ImageBase?, _ plans: [BlobPlan],
        _ digests: [Digest]
    ) throws(CakeError) -> ShapedModel {
        func hash(_ bytes: [UInt8]) -> Digest { SHA256.digest(of: bytes.span) }
        switch shape {
        case .image: return try ImageShape.model(plans, digests, on: base, hash: hash)
        case .modelpack: return try ModelPackShape.model(manifest, modelPackFacts(of: named, manifest), hash: hash)
        }
    }

    /// Files that cannot be read are left out.
    private func modelPackFacts(of named: Named, _ manifest: Manifest) -> ModelPackFacts {
        let reader = LayerReader(self)
        func text(_ path: String, limit: Int) -> [UInt8]? {
            guard let file = manifest.file(at: path), file.size <= UInt64(limit) else { return nil }
            return try? reader.bytes(of: file, limit: limit)
        }
        var facts = ModelPackFacts()
        facts.name = named.name.withoutRevision.split(separator: "/").last.map(String.init)
        facts.source = named.record.source.flatMap(LocalStore.address)
        facts.commit = facts.source == nil ? nil : named.record.commit
        facts.license = text(ModelCard.fileName, limit: 1 << 20).flatMap { ModelCard.license(in: $0.span) }
        facts.config = text("config.json", limit: JSONValue.usualLimit).flatMap {
            try? JSONValue(parsing: $0.span, repeatedKeys: .kept)
        }
        facts.facts = Facts(config: facts.config, tensors: manifest.segments.lazy.compactMap(\.tensor))
        if let file = manifest.files.first(where: { $0.path.string.lowercased().hasSuffix(".gguf") }) {
            facts.gguf = (try? GGUFHeader(of: file, in: self))?.header
        }
        return facts
    }

    /// Of a source what a browser opens. A path on this machine is private.
    private static func address(_ source: String) -> String? {
        if source.hasPrefix("hf://") { return "https://huggingface.co/" + source.dropFirst(5) }
        return source.hasPrefix("https://") ? source : nil
    }
}
