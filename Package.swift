// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func c(_ name: String, _ pkgConfig: String, apt package: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

func swift(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path,
        swiftSettings: strict + (inLibrary.contains(name) ? sections : []))
}

/// The C library is linked without the functions of these that no call of it reaches.
let inLibrary: Set = ["Model", "Platform", "Codec", "Store"]
let sections: [SwiftSetting] = [
    .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release))
]

/// Code that only tests use, and much: optimised in every build, because tests should spend their time in the tested code.
func helper(_ name: String, _ dependencies: [Target.Dependency] = [], path: String) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path,
        swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))])
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], path: String? = nil, exclude: [String] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: strict)
}

/// The C library has a Swift runtime of its own, hides every name but those of cake.h, and stays loaded: threads of Swift's
/// runtime may have told the system about its code.
let libraryLinking: [LinkerSetting] = [
    .unsafeFlags(
        ["-static-stdlib", "-use-ld=lld"]
            + [
                "-soname=libcake.so", "--version-script=\(Context.packageDirectory)/Sources/Library/exports.map",
                "--gc-sections", "--exclude-libs=ALL", "-Bsymbolic", "-znodelete", "-zdefs",
            ].flatMap { ["-Xlinker", $0] })
]

// Arrows point down only: cake → Server → Mirror → Transfer → {Store → Codec, Remote → Network} → Platform → Model;
// Server and Mirror → Storage → {Store, Remote}; cake → Mount → Transfer; Library → Store. ArchitectureTests has the table.
// Without the trait Mount (--disable-default-traits) nothing needs libfuse, and `cake mount` says that it is missing.
let package = Package(
    name: "cake",
    products: [
        .executable(name: "cake", targets: ["cake"]), .library(name: "cake-c", type: .dynamic, targets: ["Library"]),
    ],
    traits: [
        .trait(name: "Mount", description: "cake mount; needs libfuse3"), .default(enabledTraits: ["Mount"]),
    ],
    targets: [
        c("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        c("CZstd", "libzstd", apt: "libzstd-dev"),
        c("CCrypto", "libcrypto", apt: "libssl-dev"),
        c("CXXHash", "libxxhash", apt: "libxxhash-dev"),
        c("CZlib", "zlib", apt: "zlib1g-dev"),
        c("CDeflate", "libdeflate", apt: "libdeflate-dev"),
        c("CMicroHTTPD", "libmicrohttpd", apt: "libmicrohttpd-dev"),
        c("CFuse", "fuse3", apt: "libfuse3-dev"),
        .target(name: "CShims"),
        .target(name: "CKernels"),
        .target(name: "CNetwork", dependencies: ["CCurl", "CMicroHTTPD"]),
        .target(
            name: "CMount", dependencies: [.target(name: "CFuse", condition: .when(traits: ["Mount"]))],
            cSettings: [.define("CAKE_MOUNT", .when(traits: ["Mount"]))]),
        swift("Model"),
        swift("Platform", ["Model", "CShims", "CKernels", "CZstd", "CCrypto", "CXXHash", "CZlib", "CDeflate"]),
        swift("Codec", ["Model", "Platform"]),
        swift("Store", ["Model", "Platform", "Codec"]),
        swift("Network", ["Model", "Platform", "CNetwork", "CCurl", "CMicroHTTPD"]),
        swift("Remote", ["Model", "Platform", "Network"]),
        swift("Transfer", ["Model", "Platform", "Store", "Remote"]),
        swift(
            "Mount",
            [
                "Model", "Platform", "Store", "Transfer",
                .target(name: "CMount", condition: .when(traits: ["Mount"])),
            ]),
        .systemLibrary(name: "CCake", path: "Sources/Library/include"),
        .target(
            name: "Library", dependencies: ["Model", "Platform", "Store", "CCake"],
            exclude: ["include", "exports.map", "example.c"],
            swiftSettings: strict + sections, linkerSettings: libraryLinking),
        swift("Storage", ["Model", "Platform", "Codec", "Store", "Remote"], path: "Registry/Storage"),
        swift(
            "Mirror", ["Model", "Platform", "Store", "Storage", "Network", "Remote", "Transfer"],
            path: "Registry/Mirror"),
        swift(
            "Server", ["Model", "Platform", "Store", "Storage", "Network", "Transfer", "Mirror"],
            path: "Registry/Server"),
        .executableTarget(
            name: "cake",
            dependencies: [
                "Server", "Mirror", "Mount", "Transfer", "Storage", "Remote", "Network", "Store", "Platform", "Model",
            ],
            swiftSettings: strict),
        helper("Hub", ["Model", "Platform", "CShims", "CCrypto"], path: "Tests/Hub"),
        .executableTarget(
            name: "hub", dependencies: ["Hub", "Model", "Platform"], path: "Tests/HubServer", swiftSettings: strict),
        .executableTarget(
            name: "codec", dependencies: ["Model", "Platform", "Codec", "Store", "Transfer"], path: "Tests/Codec",
            swiftSettings: strict),
        .executableTarget(name: "line", path: "Tests/Line", swiftSettings: strict),
        .executableTarget(
            name: "replay", dependencies: ["Model", "Platform", "Codec", "Store", "Storage", "Transfer", "Support"],
            path: "Tests/Replay",
            swiftSettings: strict),
        helper(
            "Support", ["Model", "Platform", "Network", "Store", "Storage", "Remote", "Transfer", "Hub", "CShims"],
            path: "Tests/Support"),
        tests("ArchitectureTests", []),
        tests("ModelTests", ["Model", "Platform", "Support"]),
        tests("PlatformTests", ["Model", "Platform", "Support"]),
        tests("CodecTests", ["Model", "Platform", "Codec", "Support"]),
        tests("StoreTests", ["Model", "Platform", "Codec", "Store", "Transfer", "Mirror", "Support"]),
        tests(
            "LibraryTests", ["Model", "Platform", "Store", "Support", "CCake"], exclude: ["probe.c"]),
        tests(
            "StorageTests", ["Model", "Platform", "Network", "Remote", "Storage", "Support"],
            path: "Registry/StorageTests"),
        tests("RemoteTests", ["Model", "Platform", "Network", "Remote", "Support", "Hub"]),
        tests("TransferTests", ["Model", "Platform", "Network", "Store", "Remote", "Transfer", "Support", "Hub"]),
        tests("MountTests", ["Model", "Platform", "Store", "Transfer", "Mount", "Support"]),
        tests("HubTests", ["Model", "Platform", "Network", "Hub"]),
        tests(
            "ServerTests",
            [
                "Model", "Platform", "Network", "Store", "Storage", "Remote", "Transfer", "Mirror", "Server", "Support",
                "Hub",
            ],
            path: "Registry/Tests"),
        tests(
            "CommandTests",
            [
                "Model", "Platform", "Network", "Store", "Storage", "Remote", "Transfer", "Support", "Hub", "cake",
                "replay",
            ],
            exclude: ["Golden"]),
    ],
    swiftLanguageModes: [.v6]
)

// scripts/fuzz alone builds this: its main function comes with the sanitizer.
if Context.environment["CAKE_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["Model", "Platform", "Codec", "Store", "Storage", "Transfer"],
            path: "Tests/Fuzz",
            swiftSettings: strict))
}
