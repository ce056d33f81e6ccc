internal import CCrypto
internal import CDeflate
internal import CShims
internal import CXXHash
internal import CZlib
internal import CZstd

/// A library that this program uses, with the version that runs.
public struct UsedLibrary: Sendable, Equatable {
    public let name: String
    public let version: String

    /// Nil for a library that is not there.
    public init?(_ name: String, _ version: UnsafePointer<CChar>?) {
        guard let version = unsafe version else { return nil }
        self.name = name
        self.version = unsafe String(cString: version)
    }

    init(_ name: String, _ version: String) {
        self.name = name
        self.version = version
    }

    /// Those of this target.
    public static var ofPlatform: [UsedLibrary] {
        let xxhash = XXH_versionNumber()
        return unsafe [
            UsedLibrary("openssl", OpenSSL_version(OPENSSL_FULL_VERSION_STRING)),
            UsedLibrary("zstd", ZSTD_versionString()),
            UsedLibrary("zlib", zlibVersion()),
            UsedLibrary("libdeflate", LIBDEFLATE_VERSION_STRING),
            UsedLibrary("xxhash", "\(xxhash / 10_000).\(xxhash / 100 % 100).\(xxhash % 100)"),
            UsedLibrary("glibc", cake_libc_version()),
        ].compactMap(\.self)
    }
}

/// How this program was built.
public enum BuildFacts {
    #if DEBUG
        public static let configuration = "debug"
    #else
        public static let configuration = "release"
    #endif

    /// Nil in a build that none of the scripts made.
    public static var commit: String? { unsafe text(cake_build_commit()) }
    public static var compiler: String? { unsafe text(cake_build_compiler()) }
    /// The oldest glibc of a build for other systems; nil for one that is for this system.
    public static var oldestGlibc: String? { unsafe text(cake_build_libc()) }

    private static func text(_ text: UnsafePointer<CChar>?) -> String? {
        let text = unsafe text.map { unsafe String(cString: $0) } ?? ""
        return text.isEmpty ? nil : text
    }
}
