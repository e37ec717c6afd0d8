// swift-tools-version: 6.2
import PackageDescription

// Settings of every target; Swift 6 language mode comes from `swiftLanguageModes` below. The gate sets
// WATERLINE_STRICT; a user's newer compiler may warn without breaking the build.
let strict: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (Context.environment["WATERLINE_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)])

let package = Package(
  name: "Waterline",
  products: [
    .executable(name: "waterlined", targets: ["waterlined"]),
    .executable(name: "waterline", targets: ["waterline"]),
    .executable(name: "waterline-agent", targets: ["waterline-agent"]),
    .library(name: "waterline_events", type: .dynamic, targets: ["EventExtension"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Rank 0: value types, and C libraries behind a thin shim.
    .target(name: "UsageModel", swiftSettings: strict),
    .target(name: "CLinux"),
    .systemLibrary(name: "CHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .target(name: "CAllocator", linkerSettings: [.linkedLibrary("mimalloc")]),
    .target(name: "CEventTable"),
    .target(name: "CAutoExtension"),
    .target(name: "CIntegerBounds"),
    .target(name: "CPageChecksum"),
    // Rank 1: bytes and values, no input or output.
    .target(name: "WireFormat", dependencies: ["UsageModel", "CHash", "CSodium"], swiftSettings: strict),
    .target(
      name: "ColumnChunk", dependencies: ["UsageModel", "CHash", "CIntegerBounds"], swiftSettings: strict),
    .target(name: "DemoOrganisation", swiftSettings: strict),
    .target(
      name: "ProgramConfiguration", dependencies: ["UsageModel", "WireFormat", "Yams"], swiftSettings: strict),
    // Rank 2: kernels, store, sockets.
    .target(name: "Aggregation", dependencies: ["UsageModel"], swiftSettings: strict),
    .target(
      name: "DeliveryLedger", dependencies: ["UsageModel", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),
    .target(
      name: "EventStore",
      dependencies: [
        "UsageModel", "ColumnChunk", "WireFormat", "DeliveryLedger", "CHash", "CSodium", "CPageChecksum",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ], swiftSettings: strict),
    .target(
      name: "ServiceManager", dependencies: ["ProgramConfiguration", "CSystemd"], swiftSettings: strict),
    .target(name: "Ingest", dependencies: ["UsageModel", "WireFormat", "CLinux"], swiftSettings: strict),
    .target(
      name: "EventExtension", dependencies: ["ColumnChunk", "UsageModel", "CEventTable", "CSodium"],
      swiftSettings: strict),
    // Rank 3: what both daemons are made of, and the sending side.
    .target(
      name: "ServiceRuntime",
      dependencies: [
        "WireFormat", "Ingest", "ProgramConfiguration", "ServiceManager",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(
      name: "Delivery",
      dependencies: [
        "UsageModel", "WireFormat", "Ingest", "DeliveryLedger", "CSodium",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], swiftSettings: strict),
    .target(
      name: "AgentIntake", dependencies: ["UsageModel", "WireFormat", "Ingest", "Delivery", "CSodium"],
      swiftSettings: strict),
    // Rank 3 and 4: from stored columns to report values to text.
    .target(
      name: "UsageQuery",
      dependencies: [
        "UsageModel", "Aggregation", "EventStore", "ColumnChunk", "WireFormat", "CHash",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], swiftSettings: strict),
    .target(
      name: "FileImport",
      dependencies: [
        "UsageModel", "WireFormat", "EventStore", .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .target(
      name: "Control",
      dependencies: ["UsageModel", "EventStore", "FileImport", "Ingest", "UsageQuery", "CLinux"],
      swiftSettings: strict),
    .target(name: "Report", dependencies: ["UsageModel"], swiftSettings: strict),
    .target(
      name: "Export", dependencies: ["UsageModel", "UsageQuery", "EventStore", "Report", "CSodium"],
      swiftSettings: strict),
    // Rank 5: programs.
    .executableTarget(
      name: "waterlined",
      dependencies: [
        "UsageModel", "WireFormat", "Ingest", "EventStore", "FileImport", "Control", "ProgramConfiguration",
        "ServiceManager", "ServiceRuntime", "DeliveryLedger", "CLinux",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "waterline-agent",
      dependencies: [
        "UsageModel", "WireFormat", "Ingest", "Delivery", "AgentIntake", "ProgramConfiguration",
        "ServiceManager", "ServiceRuntime",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "waterline",
      dependencies: [
        "UsageModel", "WireFormat", "EventStore", "FileImport", "Control", "UsageQuery", "Report",
        "Export", "EventExtension", "CAutoExtension", "DemoOrganisation", "Ingest", "Delivery", "CLinux",
        "ProgramConfiguration", "CAllocator",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    // Not a product: how often the intervals of `impact` hold a known effect.
    .executableTarget(
      name: "impact-simulation", dependencies: ["Aggregation"], path: "Benchmarks/ImpactSimulation",
      swiftSettings: strict),
    // Not a product: what is left of a database after the power went, in Tests/Torture.
    .target(name: "CPowerLoss", path: "Tests/Torture/CPowerLoss"),
    .executableTarget(
      name: "power-loss",
      dependencies: [
        "CPowerLoss", "UsageModel", "WireFormat", "ColumnChunk", "EventStore", "Delivery",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], path: "Tests/Torture/PowerLoss", swiftSettings: strict),
    // Not a product: thousands of senders in one process, in Tests/Torture.
    .executableTarget(
      name: "many-senders", dependencies: ["UsageModel", "WireFormat", "Ingest", "Delivery"],
      path: "Tests/Torture/ManySenders", swiftSettings: strict),
    // Decoders under attack: by scripts/fuzz for long, by FuzzTests for a moment.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "UsageModel", "WireFormat", "ColumnChunk", "CHash", "FileImport", "ProgramConfiguration",
      ],
      path: "Tests/Fuzz/Targets", swiftSettings: strict),
    .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], swiftSettings: strict),
    // Tests mirror the targets.
    .testTarget(name: "UsageModelTests", dependencies: ["UsageModel"], swiftSettings: strict),
    .testTarget(
      name: "WireFormatTests", dependencies: ["WireFormat", "UsageModel"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "AggregationTests", dependencies: ["Aggregation", "UsageModel"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "UsageQueryTests",
      dependencies: [
        "UsageQuery", "Aggregation", "EventStore", "FileImport", "UsageModel", "WireFormat",
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "FileImportTests", dependencies: ["FileImport", "UsageModel"], swiftSettings: strict),
    .testTarget(
      name: "ColumnChunkTests", dependencies: ["ColumnChunk", "CHash", "CIntegerBounds"],
      swiftSettings: strict),
    .testTarget(
      name: "EventStoreTests",
      dependencies: [
        "UsageModel", "WireFormat", "ColumnChunk", "EventStore", "FileImport",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ], swiftSettings: strict),
    .testTarget(
      name: "IngestTests", dependencies: ["UsageModel", "WireFormat", "Ingest"], swiftSettings: strict),
    .testTarget(
      name: "ProgramConfigurationTests", dependencies: ["ProgramConfiguration", "UsageModel", "WireFormat"],
      swiftSettings: strict),
    .testTarget(
      name: "DeliveryTests",
      dependencies: [
        "UsageModel", "WireFormat", "Ingest", "Delivery", .product(name: "GRDB", package: "GRDB.swift"),
      ], swiftSettings: strict),
    .testTarget(
      name: "AgentIntakeTests",
      dependencies: ["AgentIntake", "UsageModel", "WireFormat", "Ingest", "Delivery"],
      swiftSettings: strict),
    .testTarget(name: "ReportTests", dependencies: ["Report", "UsageModel"], swiftSettings: strict),
    .testTarget(
      name: "ExportTests", dependencies: ["Export", "Report", "UsageModel", "UsageQuery"],
      swiftSettings: strict),
    .testTarget(name: "DemoOrganisationTests", dependencies: ["DemoOrganisation"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// libFuzzer brings its own main function, so this program exists for scripts/fuzz only.
if Context.environment["WATERLINE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Driver"))
}
