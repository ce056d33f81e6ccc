import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

/// Bundles that are wrong, and what is said of each.
@Suite struct `A wrong bundle` {
    typealias Members = [(name: String, bytes: [UInt8])]

    struct Row: Sendable {
        let what: String
        let says: String
        /// Only a file shows it, or only a pipe; nil for both.
        var piped: Bool?
        let change: @Sendable (Members) throws -> [UInt8]

        init(
            _ what: String, _ says: String, piped: Bool? = nil,
            _ change: @escaping @Sendable (Members) throws -> [UInt8]
        ) {
            (self.what, self.says, self.piped, self.change) = (what, says, piped, change)
        }
    }

    /// A right bundle with something in front of its end.
    private static func with(_ more: [UInt8]) -> @Sendable (Members) -> [UInt8] {
        { $0.flatMap { RawTar.member($0.name, $0.bytes) } + more + RawTar.end }
    }

    /// The member that an index, a manifest or a pack is.
    private static func editing(
        _ isWanted: @escaping @Sendable (Int, [UInt8]) -> Bool, _ edit: @escaping @Sendable (inout [UInt8]) -> Void
    ) -> @Sendable (Members) throws -> [UInt8] {
        { members in
            var members = members
            let place = try #require(members.indices.first { isWanted($0, members[$0].bytes) })
            edit(&members[place].bytes)
            return RawTar.write(members)
        }
    }

    private static func isText(_ start: String) -> @Sendable (Int, [UInt8]) -> Bool {
        { _, bytes in bytes.starts(with: start.utf8) }
    }

    /// The same, under the new digest, which the texts that name it follow.
    private static func replacing(_ old: String, _ new: String) -> @Sendable (Members) throws -> [UInt8] {
        { members in
            var members = members
            var renamed: [(String, String)] = [(old, new)]
            // Manifests first, then the index that names them.
            for place in members.indices.reversed() where members[place].bytes.count < 100_000 {
                guard var text = String(bytes: members[place].bytes, encoding: .utf8) else { continue }
                let before = text
                for (old, new) in renamed { text = text.replacing(old, with: new) }
                guard text != before else { continue }
                let size = members[place].bytes.count
                members[place].bytes = Array(text.utf8)
                guard members[place].name.hasPrefix("blobs/") else { continue }
                let name = String(members[place].name.dropFirst("blobs/sha256/".count))
                let bytes = members[place].bytes
                let digest = SHA256.digest(of: bytes.span).hex
                renamed.append((name, digest))
                renamed.append(("\"\(digest)\",\"size\":\(size)", "\"\(digest)\",\"size\":\(text.utf8.count)"))
                renamed.append(
                    ("sha256:\(digest)\",\"size\":\(size)", "sha256:\(digest)\",\"size\":\(text.utf8.count)"))
                members[place].name = "blobs/sha256/" + digest
            }
            return RawTar.write(members)
        }
    }

    static let rows: [Row] = [
        Row("a member that climbs", "is not allowed (..)", with(RawTar.member("../../etc/passwd", [1]))),
        Row("a member that climbs later", "is not allowed (..)", with(RawTar.member("blobs/../../x", [1]))),
        Row("an absolute member", "is absolute", with(RawTar.member("/etc/passwd", [1]))),
        Row("a symbolic link", "a symbolic link", with(RawTar.member("blobs/sha256/x", kind: "2"))),
        Row("a hard link", "a hard link", with(RawTar.member("x", kind: "1"))),
        Row("a device", "a device", with(RawTar.member("x", kind: "3"))),
        Row("a pipe", "a named pipe", with(RawTar.member("x", kind: "6"))),
        Row("a sparse file of GNU", "a sparse file", with(RawTar.member("x", kind: "S"))),
        Row(
            "a sparse file of POSIX", "a sparse file",
            with(RawTar.member("h", Array("22 GNU.sparse.major=1\n".utf8), kind: "x") + RawTar.member("x"))),
        Row("a long name of GNU", "a name of GNU's form", with(RawTar.member("x", [65], kind: "L"))),
        Row("an unknown kind", "a member of type Z", with(RawTar.member("x", kind: "Z"))),
        Row("a member twice", "two members oci-layout", with(RawTar.member("oci-layout", BundleIndex.layout))),
        Row("a folder with bytes", "a folder with bytes", with(RawTar.member("x/", [1], kind: "5"))),
        Row(
            "records that cannot be read", "has a record whose length is wrong",
            with(RawTar.member("h", Array("99 path=x\n".utf8), kind: "x") + RawTar.member("x"))),
        Row(
            "a size of 2^60", "claims 1152921504606846976 bytes",
            with(
                RawTar.member("h", Array("28 size=1152921504606846976\n".utf8), kind: "x") + RawTar.member("x"))),
        Row("more bytes claimed than come", "the tar ends inside x", piped: false) {
            $0.flatMap { RawTar.member($0.name, $0.bytes) } + RawTar.member("x", [1], claiming: 1 << 30)
        },
        Row("a tar that is cut in a pack", "the tar ends inside blobs/sha256/") {
            Array(RawTar.write($0).dropLast(3000))
        },
        Row("a tar that is cut between members", "which is not in it") { RawTar.write($0.dropLast()) },
        Row("too many members", "more than 65536 members") { members in
            members.flatMap { RawTar.member($0.name, $0.bytes) }
                + (0..<66_000).flatMap { RawTar.member("x\($0)") } + RawTar.end
        },
        Row("a blob of another digest", "hashes to", editing(isText("cake manifest 1")) { $0[20] ^= 1 }),
        Row("a wrong layer", "the bundle is damaged", editing({ _, bytes in bytes.count > 100_000 }) { $0[5000] ^= 1 }),
        Row("a blob of another size", "and its manifest says", editing(isText("cake manifest 1")) { $0.append(10) }),
        Row(
            "a pack of another size", "and its manifest says",
            editing({ _, bytes in bytes.count > 100_000 }) {
                $0.append(0)
            }),
        Row("a manifest without its index", "which is not in it") {
            RawTar.write($0.filter { !$0.bytes.starts(with: "cakeidx1".utf8) })
        },
        Row(
            "an index.json that is none", "index.json is not an OCI index",
            editing({ $0 == 1 && !$1.isEmpty }) {
                $0 = Array("{}".utf8)
            }),
        Row(
            "a layout of another version", "an OCI image layout of version 2.0",
            editing({ $0 == 0 && !$1.isEmpty }) { $0 = Array(#"{"imageLayoutVersion":"2.0"}"#.utf8) }),
        Row("a model of a newer cake", "written by a newer cake", replacing("cake.model.v1", "cake.model.v7")),
        Row(
            "another shape", "holds a ModelPack artifact, and from a pipe", piped: true,
            replacing(
                #""artifactType":"application/vnd.cake.model.v1","config":{"mediaType":"application/vnd.cake.model.config.v1+json""#,
                #""artifactType":"application/vnd.cncf.model.manifest.v1+json","config":{"mediaType":"application/vnd.cncf.model.config.v1+json""#
            )),
        Row(
            "another tool's artifact", "holds an artifact of type application/x.y, and no model", piped: false,
            replacing(
                #""artifactType":"application/vnd.cake.model.v1","config":{"mediaType":"application/vnd.cake.model.config.v1+json""#,
                #""artifactType":"application/x.y","config":{"mediaType":"application/vnd.cake.model.config.v1+json""#)),
        Row("no bundle", "is not a bundle") { _ in Array("hello\n".utf8) + [UInt8](repeating: 7, count: 2000) },
        Row("another tar", "is not a bundle") { _ in RawTar.write([("config.json", Array("{}".utf8))]) },
        Row("nothing", "is not a bundle") { _ in [] },
        Row("index.json behind the blobs", "its index comes behind its blobs", piped: true) {
            RawTar.write(Array($0.dropFirst(2)) + $0.prefix(2))
        },
    ]

    @Test func `is refused in words, and gives no name`() async throws {
        try await onPool {
            let luggage = try await Luggage(elements: 600_000)
            try await luggage.shelf.save(["org/zbase"], to: luggage["right.tar"])
            let right = RawTar.read(try luggage.bytes("right.tar"))
            for row in Self.rows {
                let path = luggage["wrong.tar"]
                try Data(row.change(right)).write(to: URL(filePath: path))
                for piped in [false, true] where row.piped ?? piped == piped {
                    let other = try luggage.other("store for \(row.what) \(piped)")
                    let refused = await #expect(throws: CakeError.self, "\(row.what)") {
                        if piped { try await other.load(piped: [path], step: 3000) } else { try await other.load(path) }
                    }
                    let said = refused.map { "\($0)" } ?? "nothing"
                    #expect(said.contains(row.says), "\(row.what), \(piped ? "piped" : "file"): \(said)")
                    #expect(try other.names() == [], "\(row.what)")
                    #expect(try await other.load(luggage["right.tar"]).models.count == 1, "\(row.what)")
                    #expect(try await other.damages().isEmpty)
                }
            }
        }
    }

    @Test func `of other tools is read from a file, in their order, and with what they add`() async throws {
        try await onPool {
            let luggage = try await Luggage()
            try await luggage.shelf.save(["org/zbase"], to: luggage["right.tar"])
            var members = RawTar.read(try luggage.bytes("right.tar"))
            let index = String(decoding: members[1].bytes, as: UTF8.self)
            let more =
                #"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","digest":"sha256:\#(Digest.empty.hex)","size":0},"#
            members[1].bytes = Array(index.replacing(#""manifests":["#, with: #""manifests":[\#(more)"#).utf8)
            let tar =
                RawTar.member("./", kind: "5") + RawTar.member("./blobs/", kind: "5")
                + (members.dropFirst(2) + members.prefix(2)).flatMap { RawTar.member("./" + $0.name, $0.bytes) }
                + RawTar.member("LICENSE", [65]) + RawTar.end
            try Data(tar).write(to: URL(filePath: luggage["other.tar"]))
            let other = try luggage.other()
            let report = try await other.load(luggage["other.tar"])
            #expect(report.others == ["an entry of type application/vnd.oci.artifact.manifest.v1+json"])
            #expect(try await other.files(of: "org/zbase") == luggage.base)
        }
    }
}
