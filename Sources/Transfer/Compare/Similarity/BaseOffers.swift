internal import Model
internal import Store
internal import Synchronization

/// Candidates for the base of each tensor of incoming files. Searched when the first tensor turns out to be new, and
/// not at all if none does.
final class BaseOffers: Sendable {
    private let bases: BaseCandidates
    private let files: [Segmentation]
    private let sketch: BaseCandidates.Sketching?
    private let found = Mutex<[[[Layer]]]?>(nil)

    init(_ bases: BaseCandidates, for files: [Segmentation], sketch: BaseCandidates.Sketching? = nil) {
        self.bases = bases
        self.files = files
        self.sketch = sketch
    }

    /// Without candidates a layer is stored plain: no reason to fail, but to report.
    func layers(file: Int, cut: Int) -> [Layer] {
        guard files[file].cuts[cut].tensor != nil else { return [] }
        return found.withLock { found in
            let layers = found ?? lookUp()
            found = layers
            return layers[file][cut]
        }
    }

    private func lookUp() -> [[[Layer]]] {
        do throws(CakeError) {
            return try bases.offers(for: files, sketch: sketch)
        } catch {
            bases.troubles.add(error)
            return files.map { $0.cuts.map { _ in [] } }
        }
    }
}
