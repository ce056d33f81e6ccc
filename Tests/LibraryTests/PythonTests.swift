import Foundation
import Support
import Testing

@Suite struct `The Python package` {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Python")
        .standardizedFileURL

    /// With Debian's Python, numpy and fsspec. What needs torch is in scripts/interop/python.
    @Test func `passes its own tests with this library, this program and the tests' Hub`() throws {
        let scratch = try Scratch()
        let hub = Tool.cake.deletingLastPathComponent().appending(path: "hub").path
        #expect(FileManager.default.isExecutableFile(atPath: hub))
        let result = try Tool.run(
            URL(filePath: "/usr/bin/python3"),
            [
                "-m", "pytest", "-q", "-p", "no:cacheprovider", Self.sources.appending(path: "tests").path,
            ],
            variables: [
                "CAKE_BINARY": Tool.cake.path, "CAKE_LIBRARY": Shared.path,
                "CAKE_HUB": hub, "HOME": scratch.path, "TMPDIR": scratch.path,
                "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin",
            ])
        #expect(result.status == 0, "\(result.output.suffix(8000))\(result.errors.suffix(2000))")
        #expect(result.output.contains(" passed"), "\(result.output.suffix(800))")
    }
}
