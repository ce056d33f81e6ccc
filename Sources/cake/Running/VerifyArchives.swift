import Model
import Platform
import Transfer

/// `cake verify` of archives: files on this disk that say themselves what their bytes should be.
struct VerifyArchives {
    let paths: [String]

    func callAsFunction(in session: Session) async throws {
        var documents: [JSONValue] = []
        var damaged: [String] = []
        for path in paths {
            let archive = try ArchiveFile(try session.settings.inHome(path))
            let progress = Progress("verifying \(Printable.escape(path))")
            progress.expect(bytes: archive.archive.layout.size, items: 1)
            let damages = try await session.reporter.show(progress) {
                try await archive.damages(on: session.pool) { progress.did(bytes: $0) }
            }
            if !damages.isEmpty { damaged.append(Printable.escape(path)) }
            if session.settings.isJSON {
                documents.append(document(path, archive, damages))
            } else {
                tell(path, archive, damages, in: session)
            }
        }
        if session.settings.isJSON { session.show(.array(documents)) }
        guard damaged.isEmpty else {
            throw CakeError(.damaged, "\(damaged.joined(separator: ", ")) is damaged", fix: ArchiveFile.advice)
        }
    }

    private func tell(
        _ path: String, _ archive: ArchiveFile, _ damages: [ArchiveFile.Damage], in session: Session
    ) {
        for damage in damages {
            session.output.line("\(Printable.escape(path)): \(Printable.escape(damage.place)): \(damage.why)")
        }
        if damages.isEmpty, !session.settings.isQuiet {
            session.output.line(
                "\(Printable.escape(path)): \(archive.archive.facts.weights.entries.count) tensors, "
                    + "\(Quantities.bytes(archive.archive.layout.size)): every byte is as it should be")
        }
    }

    private func document(
        _ path: String, _ archive: ArchiveFile, _ damages: [ArchiveFile.Damage]
    ) -> JSONValue {
        [
            "path": JSONValue(path), "tensors": JSONValue(archive.archive.facts.weights.entries.count),
            "bytes": JSONValue(archive.archive.layout.size),
            "damaged": .array(damages.map { ["place": JSONValue($0.place), "why": JSONValue($0.why)] }),
        ]
    }
}
