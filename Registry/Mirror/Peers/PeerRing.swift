package import Model
internal import Platform

/// Which server of a ring downloads a file from the upstream, and which one is next when that one is down: by rendezvous
/// hashing, so that servers with nearly the same list agree about nearly all files. Pure.
package struct PeerRing {
    /// A file of a commit; small files, which come together, have one.
    package static func key(_ path: FilePath, size: UInt64, of repository: HubRepository, at commit: String) -> String {
        "\(repository) \(commit)" + (size > Transfers.small ? " \(path.string)" : "")
    }

    package static func order(_ members: [String], for key: String) -> [Int] {
        let weights = members.map { SHA256.digest(of: Array("\($0)\n\(key)".utf8).span).bytes }
        return members.indices.sorted { first, second in
            weights[second].lexicographicallyPrecedes(weights[first])
        }
    }
}
