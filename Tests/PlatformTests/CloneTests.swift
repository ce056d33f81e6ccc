import Foundation
import Platform
import Support
import Testing

@Suite struct `A file that shares another's bytes` {
    @Test func `has them, or is not there where the file system cannot share`() throws {
        let scratch = try Scratch()
        try Data("bytes".utf8).write(to: URL(filePath: scratch["one"]))
        let isMade = try Disk.makeClone(scratch["two"], of: scratch["one"])
        #expect(try Disk.exists(scratch["two"]) == isMade)
        if isMade { #expect(try Data(contentsOf: URL(filePath: scratch["two"])) == Data("bytes".utf8)) }
        #expect(try Disk.names(in: scratch.path) == (isMade ? ["one", "two"] : ["one"]))
    }
}
