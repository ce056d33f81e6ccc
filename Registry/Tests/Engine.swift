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
    /// Beside a store's models.
    case files
    /// In a storage that answers later. There is no store.
    case memory
    /// The same, and the storage is a folder.
    case folder
    /// The same, and the storage is a bucket, which another server in this process has.
    case bucket

    static let distant: [Engine] = [.memory, .folder, .bucket]

    /// `stand` has the bucket while it is kept.
    func storage(in scratch: Scratch, _ stand: inout S3Stand?) throws -> (any KeyedStorage)? {
        switch self {
        case .files: return nil
        case .memory: return MemoryStorage()
        case .bucket:
            let made = try S3Stand(.amazon)
            stand = made
            let settings = try S3Settings(
                Environment(variables: ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]),
                endpoint: made.endpoint)
            let client = S3Client(settings, client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
            return S3Storage(S3Bucket(try S3Place("s3://bucket/a registry"), client))
        case .folder:
            for name in ["storage", "aside"] {
                try FileManager.default.createDirectory(atPath: scratch[name], withIntermediateDirectories: true)
            }
            return FolderStorage(in: scratch["storage"], aside: scratch["aside"], lock: scratch["lock of storage"])
        }
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
