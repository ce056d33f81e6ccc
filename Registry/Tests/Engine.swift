import Foundation
import Model
import Network
import Platform
import Remote
import Server
import Storage
import Support

/// Where the data of a registry lies. What a registry promises, it promises on each.
enum Engine: CaseIterable {
    static let allCases: [Engine] = [.files] + distant
    static let distant: [Engine] = [.memory, .folder, .bucket] + (isNamed ? [.named] : [])

    /// Beside a store's models.
    case files
    /// In a storage that answers later. There is no store.
    case memory
    /// The same, and the storage is a folder.
    case folder
    /// The same, and the storage is a bucket, which another server in this process has.
    case bucket
    /// The same at CAKE_TEST_S3, an engine that runs beside. Only with CAKE_TEST_S3_REGISTRY: it takes longer.
    case named

    private static let variables = ProcessInfo.processInfo.environment
    private static var isNamed: Bool {
        variables["CAKE_TEST_S3"] != nil && variables["CAKE_TEST_S3_REGISTRY"] != nil
    }

    /// `stand` has the bucket while it is kept.
    func storage(in scratch: Scratch, _ stand: inout S3Stand?) throws -> (any KeyedStorage)? {
        switch self {
        case .files: return nil
        case .memory: return MemoryStorage()
        case .bucket:
            let made = try S3Stand(.amazon)
            stand = made
            return try Engine.bucket("a registry", at: made.endpoint, key: "key", secret: "secret")
        case .named:
            let variables = Engine.variables
            return try Engine.bucket(
                "registry-\(UUID())", at: variables["CAKE_TEST_S3"] ?? "", key: variables["CAKE_TEST_S3_KEY"] ?? "",
                secret: variables["CAKE_TEST_S3_SECRET"] ?? "")
        case .folder:
            for name in ["storage", "aside"] {
                try FileManager.default.createDirectory(atPath: scratch[name], withIntermediateDirectories: true)
            }
            return FolderStorage(in: scratch["storage"], aside: scratch["aside"], lock: scratch["lock of storage"])
        }
    }
}

extension Engine {
    private static func bucket(
        _ prefix: String, at endpoint: String, key: String, secret: String
    ) throws -> S3Storage {
        let settings = try S3Settings(
            Environment(variables: ["AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret]), endpoint: endpoint)
        let client = S3Client(settings, client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return S3Storage(S3Bucket(try S3Place("s3://bucket/\(prefix)"), client))
    }
}

extension KeyedStorage {
    /// A registry of a server of its own.
    func registry(
        in scratch: Scratch, _ timing: StorageTiming = StorageTiming(), room: UInt64 = 64 << 20,
        letsAnybodyRead: Bool = false
    ) throws -> RegistryStore {
        try RegistryStore(
            in: self, timing, cachedIn: scratch["cache"], room: room, pool: Stage.pool,
            letsAnybodyRead: letsAnybodyRead)
    }

    /// Every key in a folder, without the folder's name.
    func all(in folder: String) async throws(CakeError) -> [String] {
        var found: [String] = []
        for name in try await names(in: folder) {
            let key = folder + "/" + name
            if try await look(at: key) != nil {
                found.append(name)
            } else {
                for inner in try await all(in: key) { found.append(name + "/" + inner) }
            }
        }
        return found
    }
}
