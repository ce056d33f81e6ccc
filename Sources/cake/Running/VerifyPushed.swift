import Model
import Platform
import Remote
import Store
import Transfer

/// Reads models in registries through, and tells what is damaged there.
struct VerifyPushed {
    let references: [RegistryReference]
    let plainHTTP: Bool

    func callAsFunction(in session: Session) async throws {
        let store = try session.openStore()
        var damaged: [String] = []
        var documents: [JSONValue] = []
        for reference in references {
            let client = try session.registry(reference, for: "cake verify", plainHTTP: plainHTTP)
            let progress = Progress("verifying \(reference.storeName)", items: "layers")
            let report = try await session.reporter.show(progress) {
                let remote = try await RemoteArtifact(reference.manifest, in: RemoteRepository(reference, client))
                return try await RegistryVerify(of: remote, in: store, bytesPerSecond: nil, progress: progress)()
            }
            if !report.isWhole { damaged.append(reference.typed) }
            documents.append(document(report, reference))
            if !session.settings.isJSON { tell(report, reference, session) }
        }
        if session.settings.isJSON {
            session.show(documents.count == 1 ? documents[0] : .array(documents))
        }
        if let first = damaged.first {
            throw CakeError(
                .damaged, "\(damaged.joined(separator: ", ")) cannot be rebuilt from the registry",
                fix: "cake push NAME \(first) sends what is damaged again")
        }
    }

    private func tell(_ report: RegistryVerify.Report, _ reference: RegistryReference, _ session: Session) {
        for damage in report.damages {
            let hit =
                damage.files.isEmpty ? "" : "; needed by \(damage.files.map(\.description).joined(separator: ", "))"
            session.output.line("\(damage.layer.digest.short)  \(damage.why)\(hit)")
        }
        for file in report.wrongFiles {
            session.output.line("\(file)  does not have the SHA-256 that the manifest names")
        }
        guard report.isWhole, !session.settings.isQuiet else { return }
        let layers = report.layers == 1 ? "1 layer" : "\(report.layers) layers"
        let files = report.files == 1 ? "1 file" : "\(report.files) files"
        session.output.line(
            "\(reference.storeName): \(layers) in \(files) are intact; \(Quantities.bytes(report.bytesFetched)) read")
    }

    private func document(_ report: RegistryVerify.Report, _ reference: RegistryReference) -> JSONValue {
        let damages = report.damages.map { damage -> JSONValue in
            [
                "layer": JSONValue(damage.layer.digest.hex), "why": JSONValue(damage.why),
                "files": .array(damage.files.map { JSONValue($0.description) }),
            ]
        }
        return [
            "reference": JSONValue(reference.storeName), "layers": JSONValue(report.layers),
            "files": JSONValue(report.files), "bytes_fetched": JSONValue(report.bytesFetched),
            "damaged": .array(damages), "wrong_files": .array(report.wrongFiles.map { JSONValue($0.description) }),
        ]
    }
}
