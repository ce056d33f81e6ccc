public import Foundation

/// The real registry of docker, with a folder of its own, on a port that the system chose. It ends with the test.
public final class DockerRegistry {
    private let child: Child
    public let folder: URL
    public let port: UInt16

    public static let isThere = Tool.exists("docker-registry")

    /// With a password, only `user` with `secret` is let in.
    public init(asksForPassword: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "cake-registry-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var config = """
            version: 0.1
            log: {level: info, formatter: json}
            storage:
              filesystem: {rootdirectory: \(folder.path)/data}
              delete: {enabled: true}
            http: {addr: "127.0.0.1:0"}

            """
        if asksForPassword {
            // bcrypt of "secret".
            let line = try Tool.run("htpasswd", ["-nbB", "user", "secret"]).output
            try Data(line.utf8).write(to: folder.appending(path: "passwords"))
            config += "auth:\n  htpasswd: {realm: test, path: \(folder.path)/passwords}\n"
        }
        let path = folder.appending(path: "config.yml")
        try Data(config.utf8).write(to: path)
        let log = folder.appending(path: "log")
        try Data().write(to: log)
        child = try Child(
            URL(filePath: "/usr/bin/env"), ["docker-registry", "serve", path.path], errors: .file(log))
        var found: UInt16?
        try? child.waits(until: "it listens") {
            let said = try String(contentsOf: log, encoding: .utf8)
            if let place = said.firstRange(of: "listening on 127.0.0.1:") {
                let digits = said[place.upperBound...].prefix { $0.isNumber }
                if digits.endIndex < said.endIndex { found = UInt16(digits) }
            }
            return found != nil
        }
        guard let found else {
            throw CocoaError(.executableLoad, userInfo: ["log": (try? String(contentsOf: log, encoding: .utf8)) ?? ""])
        }
        port = found
    }

    public var host: String { "127.0.0.1:\(port)" }

    deinit {
        child.kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Lines of its log that tell of an answer, as method, status and bytes sent.
    public func answers() throws -> [String] {
        try String(contentsOf: folder.appending(path: "log"), encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains("http.response.status") }
    }

    /// Bytes of all blobs that it has.
    public func blobBytes() throws -> Int {
        let blobs = folder.appending(path: "data/docker/registry/v2/blobs")
        let files = FileManager.default.enumerator(at: blobs, includingPropertiesForKeys: [.fileSizeKey])
        var total = 0
        while let file = files?.nextObject() as? URL {
            if file.lastPathComponent == "data" {
                total += try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            }
        }
        return total
    }
}
