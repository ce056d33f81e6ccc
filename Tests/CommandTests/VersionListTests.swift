import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `An earlier version of a name` {
    @Test func `has a row in a listing when it is asked for`() throws {
        let (home, first, second) = try twoVersions()
        let old = "acme/tune@\(first.prefix(7))"
        let rows = try home.cake("ls", old).output.split(separator: "\n")
        #expect(rows.count == 2 && rows[1].hasPrefix("acme/tune@\(first.prefix(12))  \(first.prefix(8))"), "\(rows)")
        #expect(
            try home.cake("ls", "acme/tune", old, "--format", "id").output
                == "\(second.prefix(8))\n\(first.prefix(8))\n")
        #expect(try home.cake("ls", old, "-q").output == "acme/tune@\(first.prefix(12))\n")
        let listed = try ModelFolder.document(try home.cake("ls", "acme/tune", old, "--json")).array ?? []
        #expect(listed.map { $0["manifest"]?.string } == [second, first])
        // Both have the file config.json; what the old one has alone goes with it.
        let alone = listed.compactMap { $0["bytes_alone"]?.unsigned }
        let alike = home.cakeDocument("ls", "acme/tune")?.array?.first?["bytes_alone"]?.unsigned
        #expect(alone.count == 2 && alone[0] == alike && alone[1] > 0)
        #expect(try home.cake("ls", "acme/tune@0000000").status == 10)
        try home.cake("rm", "acme/tune")
        let nameless = String(second.prefix(9))
        #expect(try home.cake("ls", nameless, "--format", "id,files").output == "\(second.prefix(8))\t2\n")
        #expect(try home.cake("ls").output.isEmpty)
    }

    @Test func `is offered to the shells that complete names`() throws {
        let (home, first, second) = try twoVersions()
        let names = "acme/tune@\(second.prefix(8))\nacme/tune@\(first.prefix(8))\n"
        #expect(try home.cake("history", "acme/tune", "--names").output == names)
        #expect(try home.cake("history", "--names").output == names)
        try home.cake("gc", "--now")
        #expect(try home.cake("history", "acme/tune", "--names").output == "acme/tune@\(second.prefix(8))\n")
    }
}
