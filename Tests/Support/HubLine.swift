public import Hub
public import Model
internal import Network
public import Remote

/// A test's own hub with a model, and a source for it.
public final class HubLine: Sendable {
    public let folder: HubFolder
    public let hub: Hub
    public let files: ModelMaker.Files

    public static let name = "org/model"

    public init(_ files: ModelMaker.Files? = nil, _ change: (inout HubSettings) -> Void = { _ in }) throws {
        folder = try HubFolder()
        let files = try files ?? ModelMaker.small()
        try folder.write(HubLine.name, files)
        var settings = HubSettings()
        change(&settings)
        hub = try Hub(serving: folder.path, settings)
        self.files = files
    }

    deinit { hub.stop() }

    public func source(token: String? = nil, stallSeconds: Int = 600) throws -> HubSource {
        var settings = HTTPSettings(userAgent: "cake/test")
        settings.stallSeconds = stallSeconds
        return HubSource(
            try HubRoutes(endpoint: hub.endpoint),
            token: try token.map { text throws(CakeError) in try HubToken(text) },
            client: try HTTPClient(settings))
    }

    public func snapshot(
        _ name: String = HubLine.name, revision: String? = nil, token: String? = nil
    ) async throws -> Snapshot {
        try await source(token: token).snapshot(of: HubReference(HubRepository(name), revision: revision))
    }

    public func size(of file: String) -> UInt64 { UInt64(files[file]?.count ?? 0) }
}
