import Model
import Server

extension `What a client may not have` {
    /// The routes of the server. A new one must be named here, and then have a row, or be declared to show no models.
    enum Route: String, CaseIterable {
        case base, catalog, tags, blob, uploads, upload, manifest, referrers
        case has, layer, models, difference, search, published
        case whoAmI, list, info, tree, pathsInfo, revisions, commits, authCheck, file, raw
        case quantization, likers, discussions, emptyList
        case noRepository, noRevision, nothing
        case health, ready, metrics
        case home
        /// PeerRouteTests has a table for these: they ask for another secret.
        case peerServer, peerFile

        static let silent: Set<Route> = [
            .base, .upload, .referrers, .whoAmI, .emptyList, .noRepository, .noRevision, .nothing,
            .health, .ready, .metrics, .peerServer, .peerFile,
        ]

        init(_ route: OperatingRoute) {
            self =
                switch route {
                case .health: .health
                case .ready: .ready
                case .metrics: .metrics
                }
        }

        init(_ route: PageRoute) {
            self =
                switch route {
                case .home: .home
                }
        }

        init(_ route: RegistryRoute) {
            self =
                switch route {
                case .base: .base
                case .catalog: .catalog
                case .tags: .tags
                case .blob: .blob
                case .uploads: .uploads
                case .upload: .upload
                case .manifest: .manifest
                case .referrers: .referrers
                }
        }

        init(_ route: CakeRoute) {
            self =
                switch route {
                case .has: .has
                case .layer: .layer
                case .models: .models
                case .difference: .difference
                case .search: .search
                case .published: .published
                }
        }

        init(_ route: PeerRoute) {
            self =
                switch route {
                case .server: .peerServer
                case .file: .peerFile
                }
        }

        init(_ request: Model.HubRequest) {
            self =
                switch request {
                case .whoAmI: .whoAmI
                case .list: .list
                case .info: .info
                case .tree: .tree
                case .pathsInfo: .pathsInfo
                case .revisions: .revisions
                case .commits: .commits
                case .authCheck: .authCheck
                case .file: .file
                case .raw: .raw
                case .quantization: .quantization
                case .likers: .likers
                case .discussions: .discussions
                case .emptyList: .emptyList
                case .noRepository: .noRepository
                case .noRevision: .noRevision
                case .nothing: .nothing
                }
        }

        init?(_ row: Row) throws {
            let (address, parts) = (row.address, RequestTarget(row.address)?.parts ?? [])
            if let route = try PeerRoute(address) {
                self.init(route)
            } else if row.isLlama {
                self = .quantization
            } else if let route = PageRoute(parts, row.request) {
                self.init(route)
            } else if let route = OperatingRoute(parts) {
                self.init(route)
            } else if let route = try CakeRoute(parts) {
                self.init(route)
            } else if let route = try RegistryRoute(parts) {
                self.init(route)
            } else if let target = RequestTarget(address, ofHub: true), let request = Model.HubRequest(target.parts) {
                self.init(request)
            } else {
                return nil
            }
        }
    }
}
