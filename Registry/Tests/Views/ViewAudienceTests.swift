import Model
import Server
import Storage
import Support
import Testing

/// Every route that shows a view, asked by a client that may have the model, and by those that may not.
@Suite struct `A view that a client may not have` {
    private struct Row {
        let method: String
        let address: String
        var headers: [(String, String)] = []
        var shows: (Client.Reply) -> Bool = { (200..<300).contains($0.status) }
    }

    private static func rows(_ model: Exhibit) throws -> [Row] {
        let name = model.repository
        var rows: [Row] = []
        for (shape, bytes) in model.views {
            let manifest = try RegistryManifest(parsing: bytes.span)
            let tags = ["latest-\(shape.rawValue)", "\(model.commit)-\(shape.rawValue)"]
            for reference in tags + [sha256(bytes).description] {
                for method in ["GET", "HEAD"] {
                    rows.append(Row(method: method, address: "/v2/\(name)/manifests/\(reference)"))
                }
            }
            rows.append(
                Row(
                    method: "GET", address: "/v2/\(name)/tags/list",
                    shows: { $0.status == 200 && $0.text.contains(tags[0]) }))
            for blob in [try #require(manifest.config), try #require(manifest.layers.first)] {
                let address = "/v2/\(name)/blobs/\(blob.name)"
                rows.append(Row(method: "GET", address: address))
                rows.append(Row(method: "GET", address: address, headers: [("Range", "bytes=1-20")]))
                rows.append(Row(method: "HEAD", address: address))
            }
        }
        return rows
    }

    @Test(arguments: Exhibit.State.allCases)
    func `is shown by no route`(state: Exhibit.State) async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(state, views: ShapeViews(WrittenShape.allCases))
            #expect(model.views.count == 2)
            for row in try Self.rows(model) {
                let reply = try model.ask(row.method, row.address, row.headers, as: .reader)
                let expected = state == .open
                #expect(row.shows(reply) == expected, "\(state): \(row.method) \(row.address): \(reply.status)")
                #expect(reply.status < 500, "\(row.method) \(row.address): \(reply.text)")
            }
        }
    }

    /// A mount would make it a blob of the registry, and no manifest may name what is none.
    @Test(arguments: Exhibit.State.allCases)
    func `is given to no pusher`(state: Exhibit.State) async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(state, views: ShapeViews(WrittenShape.allCases))
            for (_, bytes) in model.views {
                let manifest = try RegistryManifest(parsing: bytes.span)
                for blob in manifest.named {
                    for from in ["&from=\(model.repository)", ""] {
                        let address = "/v2/org/copy/blobs/uploads/?mount=\(blob.name)\(from)"
                        #expect(try model.ask("POST", address, [], []).status == 202)
                    }
                }
                for place in ["org/copy", "org/model"] {
                    let reply = try model.ask(
                        "PUT", "/v2/\(place)/manifests/again", [("Content-Type", RegistryManifest.image)], bytes)
                    #expect(reply.status == 404, "\(reply.text)")
                }
                let referrers = try model.ask("GET", "/v2/org/model/referrers/\(sha256(bytes))")
                #expect(referrers.json?["manifests"]?.array == [])
            }
        }
    }
}
