import Model
import Platform
import Remote
import Store
import Transfer

extension Session {
    /// The layers that another side has, as a person tells it: a list of `cake have`, a store, a model here, or a model in a
    /// registry.
    func layersThere(_ typed: [String], for purpose: String, plainHTTP: Bool) async throws -> LayerList {
        var all = LayerList.none
        for text in typed { all = all.joined(with: try await layersThere(text, for: purpose, plainHTTP: plainHTTP)) }
        return all
    }

    private func layersThere(_ typed: String, for purpose: String, plainHTTP: Bool) async throws -> LayerList {
        if typed == "-" { return try listFromInput() }
        let path = try settings.inHome(typed)
        if let status = try Disk.status(path) {
            let shown = Printable.escape(path)
            do throws(CakeError) {
                guard status.kind != .folder else { return try layersOfStore(path) }
                let bytes = try Disk.read(path, limit: LayerList.maximumSize)
                return try LayerList(parsing: bytes.span)
            } catch { throw error.at(shown) }
        }
        if let (store, named) = try? find(typed) { return try store.layersHad(by: [named]) }
        let reference: RegistryReference
        do throws(CakeError) {
            reference = try registryReference(typed)
        } catch {
            throw CakeError(
                .notFound,
                "--not-in \(Printable.escape(typed)): there is no such file, store or model, and it is no place in a registry",
                fix: "cake have > LIST makes a list in the other store")
        }
        let client = try registry(reference, for: purpose, plainHTTP: plainHTTP)
        let remote = try await RemoteArtifact(reference.manifest, in: RemoteRepository(reference, client))
        return LayerList(remote.model.layers.filter { $0.size > 0 })
    }

    private func layersOfStore(_ path: String) throws(CakeError) -> LayerList {
        guard try LocalStore.exists(at: path) else {
            throw CakeError(
                .notFound, "there is no store in this folder",
                fix: "name the folder that --store or CAKE_HOME names there")
        }
        let other = try LocalStore(existing: path, pool: pool, lower: [])
        return try other.layersHad(by: other.allNames())
    }

    private func listFromInput() throws -> LayerList {
        let chunk = Chunk(capacity: 1 << 20)
        var bytes: [UInt8] = []
        while true {
            chunk.count = 0
            guard try input.fill(chunk) > 0 else { break }
            chunk.withBytes { span in for place in span.indices { bytes.append(span[place]) } }
            guard bytes.count <= LayerList.maximumSize else {
                throw CakeError(.damaged, "the list on standard input has more than \(LayerList.maximumSize) bytes")
            }
        }
        do throws(CakeError) { return try LayerList(parsing: bytes.span) } catch { throw error.at("standard input") }
    }
}
