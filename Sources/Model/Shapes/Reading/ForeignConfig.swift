/// What a model's config says of it, for people. Nothing relies on it.
public struct ForeignFacts: Hashable, Sendable {
    public fileprivate(set) var format: String?
    public fileprivate(set) var name: String?
    public fileprivate(set) var family: String?
    public fileprivate(set) var architecture: String?
    public fileprivate(set) var parameters: String?
    public fileprivate(set) var precision: String?
    public fileprivate(set) var quantization: String?
    public fileprivate(set) var license: String?

    init() {}
}

/// The config of a model of another shape, checked to be one.
struct ForeignConfig: Sendable {
    let document: JSONValue
    private(set) var facts = ForeignFacts()
    /// As the config lists them; nil for an entry that is no SHA-256.
    private var plainDigests: [Digest?] = []

    static let longestFact = 200

    init(_ bytes: Span<UInt8>, of shape: ForeignShape, layers: Int) throws(CakeError) {
        document = try JSONValue(parsing: bytes)
        guard document.object != nil else { throw ForeignConfig.refuse("is no object") }
        let own: String? =
            switch shape {
            case .modelPack: "modelfs"
            case .docker, .image: "rootfs"
            case .kit: nil
            }
        let hasOwn = own.flatMap { document[$0] } != nil
        for other in ["modelfs", "rootfs"] where other != own && !hasOwn && document[other] != nil {
            throw ForeignConfig.refuse("is of another kind: it has \"\(other)\", which a \(shape.words) has not")
        }
        if let own { plainDigests = digests(document[own]) }
        switch shape {
        case .modelPack: readModelPack()
        case .docker: readDocker()
        case .kit: readKitfile()
        case .image:
            guard plainDigests.count == layers else {
                throw ForeignConfig.refuse("lists \(plainDigests.count) layers, and the manifest \(layers)")
            }
            if let os = document["os"]?.string, os != "linux" {
                throw ForeignConfig.refuse("says that the image is for \(Printable.escape(os))")
            }
        }
    }

    static func refuse(_ why: String) -> CakeError {
        CakeError(.damaged, "the model's config \(why)", fix: "ask who pushed it")
    }

    /// Of a layer's plain bytes. A list of another length says nothing.
    func plainDigest(of layer: Int, among count: Int) -> Digest? {
        plainDigests.count == count ? plainDigests[layer] : nil
    }

    private func digests(_ list: JSONValue?) -> [Digest?] {
        let texts = list?["diffIds"]?.array ?? list?["diff_ids"]?.array ?? []
        return texts.map { $0.string.flatMap { BlobName($0) }?.sha256 }
    }

    private func text(_ value: JSONValue?) -> String? {
        guard let text = value?.string, !text.isEmpty else { return nil }
        return String(text.prefix(ForeignConfig.longestFact))
    }

    private mutating func readModelPack() {
        let (descriptor, config) = (document["descriptor"], document["config"])
        facts.name = text(descriptor?["name"])
        facts.family = text(descriptor?["family"])
        facts.license = text(descriptor?["licenses"]?.array?.first)
        facts.format = text(config?["format"])
        facts.architecture = text(config?["architecture"])
        facts.parameters = text(config?["paramSize"])
        facts.precision = text(config?["precision"])
        facts.quantization = text(config?["quantization"])
    }

    private mutating func readDocker() {
        let config = document["config"]
        facts.format = text(config?["format"])
        facts.architecture = text(config?["architecture"])
        facts.parameters = text(config?["parameters"])
        facts.quantization = text(config?["quantization"])
    }

    private mutating func readKitfile() {
        facts.name = text(document["package"]?["name"])
        facts.license = text(document["package"]?["license"])
        facts.format = text(document["model"]?["framework"])
    }
}
