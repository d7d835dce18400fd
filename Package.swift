// swift-tools-version: 6.2
import Foundation
import PackageDescription

// CI sets LOCKKEEPER_STRICT: there a warning in a target of ours is an error. Elsewhere a newer
// compiler's new warning must not stop somebody from building.
let strict = ProcessInfo.processInfo.environment["LOCKKEEPER_STRICT"] == "1"
let swift: [SwiftSetting] =
    [.swiftLanguageMode(.v6)] + (strict ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
    name: "lockkeeper",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "lockkeeper", targets: ["lockkeeper"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibPQ", pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(
            name: "CPgQuery",
            providers: [.apt(["libpg-query-dev"]), .brew(["libpg_query"])]),
        .target(
            name: "CTerminal",
            linkerSettings: [.linkedLibrary("ncursesw")]),
        .target(name: "SQLText", swiftSettings: swift),
        .target(name: "Postgres", dependencies: ["CLibPQ", "SQLText"], swiftSettings: swift),
        .target(
            name: "Migration",
            dependencies: [
                "SQLText", "Yams",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: swift),
        .target(name: "Analysis", dependencies: ["CPgQuery", "Migration"], swiftSettings: swift),
        .target(
            name: "Monitor", dependencies: ["Postgres"], swiftSettings: swift),
        .target(
            name: "Engine",
            dependencies: [
                "Analysis", "Migration", "Monitor", "Postgres", "SQLText",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: swift),
        .target(
            name: "Dashboard",
            dependencies: ["CTerminal", "Engine", "Monitor", "Migration", "Yams"],
            // In the binary itself: a copied bundle would make a moved binary crash.
            resources: [
                .embedInCode("../../themes/colorblind.yaml"),
                .embedInCode("../../themes/daylight.yaml"),
                .embedInCode("../../themes/midnight.yaml"),
                .embedInCode("../../themes/mono.yaml"),
                .embedInCode("../../themes/terminal.yaml"),
            ],
            swiftSettings: swift),
        .target(
            name: "Sandbox",
            dependencies: [
                "Postgres",
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: swift),
        .executableTarget(
            name: "lockkeeper",
            dependencies: [
                "Analysis", "Dashboard", "Engine", "Migration", "Monitor", "Postgres", "Sandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "Sandbox"], swiftSettings: swift),
        .testTarget(
            name: "MigrationTests", dependencies: ["Migration"], exclude: ["Golden"],
            swiftSettings: swift),
        // Files made at random, for whatever reads files.
        .target(name: "Fuzzing", path: "Tests/Fuzzing", swiftSettings: swift),
        .testTarget(
            name: "AnalysisTests", dependencies: ["Analysis", "Fuzzing", "Sandbox"],
            swiftSettings: swift),
        .testTarget(
            name: "MonitorTests", dependencies: ["Monitor", "Sandbox"], swiftSettings: swift),
        // What EngineTests and fault-run have in common: every operation's cases, the clients that
        // write, the model of what they wrote, and the tap on the wire.
        .target(
            name: "Conformance",
            dependencies: [
                "Engine", "Migration", "Postgres", "Sandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            path: "Tests/Conformance", swiftSettings: swift),
        .testTarget(
            name: "EngineTests", dependencies: ["Conformance", "Engine", "Sandbox"],
            swiftSettings: swift),
        .testTarget(
            name: "DashboardTests", dependencies: ["Dashboard", "Fuzzing"], exclude: ["Golden"],
            swiftSettings: swift),
        .testTarget(
            name: "SandboxTests",
            dependencies: [
                "Sandbox", .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: swift),
        // `swift build -c release && swift run -c release fault-run --faults 1000`
        .executableTarget(
            name: "fault-run",
            dependencies: [
                "Conformance", "Engine", "Migration", "Postgres", "Sandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            path: "Tests/Faults", swiftSettings: swift),
        .executableTarget(
            name: "fill-benchmark",
            dependencies: [
                "Engine", "Migration", "Postgres", "Sandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/Fill", swiftSettings: swift),
        .executableTarget(
            name: "screen-benchmark",
            dependencies: [
                "CLibPQ", "Dashboard", "Engine", "Migration", "Monitor", "Postgres", "Sandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/Screen", swiftSettings: swift),
        .executableTarget(
            name: "lock-benchmark",
            dependencies: [
                "Engine", "Migration", "Postgres", "Sandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/Locks", swiftSettings: swift),
        // Drives the built binary, headless and in tmux.
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "fault-run", "lockkeeper", "Sandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: swift),
    ]
)
