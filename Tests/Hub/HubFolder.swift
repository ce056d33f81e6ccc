internal import Glibc
public import Model

/// A folder of repositories that a test makes for a hub, in memory where the machine has such a place. It vanishes with
/// the last owner.
public final class HubFolder: Sendable {
    public let path: String

    public init() throws {
        let base = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(base)/cake-hub-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw HubError("no folder in \(base): error \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { HubFolder.remove(path) }

    /// Where a revision's files are: `refs/pr/1` has a folder of its own, as has any other name but `main`.
    public func folder(of repository: String, revision: String = "main") -> String {
        path + "/" + repository + (revision == "main" ? "" : "@" + Form.encode(revision))
    }

    /// Writes a file, or another one in its place; what is being read of the old one is not changed by that.
    public func write(
        _ repository: String, _ file: String, _ bytes: [UInt8], revision: String = "main"
    ) throws {
        let place = folder(of: repository, revision: revision) + "/" + file
        var at = ""
        for part in place.split(separator: "/").dropLast() {
            at += "/" + part
            unsafe mkdir(at, 0o777)
        }
        let part = at + "/.hub-part"
        guard let stream = unsafe fopen(part, "w") else { throw HubError("cannot write \(part): error \(errno)") }
        let isWhole = unsafe fwrite(bytes, 1, bytes.count, stream) == bytes.count
        guard unsafe fclose(stream) == 0, isWhole, unsafe rename(part, place) == 0 else {
            throw HubError("cannot write \(place): error \(errno)")
        }
    }

    public func write(_ repository: String, _ files: [String: [UInt8]], revision: String = "main") throws {
        for (file, bytes) in files { try write(repository, file, bytes, revision: revision) }
    }

    public func remove(_ repository: String, _ file: String, revision: String = "main") {
        unsafe unlink(folder(of: repository, revision: revision) + "/" + file)
    }

    /// Who may read it, and its revisions; see `Catalog`.
    public func set(
        _ repository: String, isPrivate: Bool = false, gated: String? = nil, isDisabled: Bool = false,
        movedTo: String? = nil, refs: [String: String] = [:], commits: [String: String] = [:], xet: JSONValue? = nil
    ) throws {
        var object = JSONObject([
            .init(key: "private", value: .bool(isPrivate)), .init(key: "disabled", value: .bool(isDisabled)),
        ])
        if let gated { object.append("gated", .string(gated)) }
        if let xet { object.append("xet", xet) }
        if let movedTo { object.append("movedTo", .string(movedTo)) }
        for (key, values) in [("refs", refs), ("commits", commits)] {
            let members = values.sorted { $0.key < $1.key }.map {
                JSONObject.Member(key: $0.key, value: .string($0.value))
            }
            object.append(key, .object(JSONObject(members)))
        }
        try write(repository, ".hub.json", JSONValue.object(object).bytes(.compact))
    }

    private static func remove(_ path: String) {
        if case .folder = Folder.kind(path) {
            for name in Folder.names(path) { remove(path + "/" + name) }
            unsafe rmdir(path)
        } else {
            unsafe unlink(path)
        }
    }
}
