// swift-tools-version: 6.0
import PackageDescription

// `CWheelwork` and `WheelworkFFI` are generated from the library: by `cargo xtask swift` for tests, by a release for apps.
/// Our own code has no warnings; set by `cargo xtask swift`, because an app cannot depend on a package with such flags.
let strict: [SwiftSetting] =
    Context.environment["WHEELWORK_STRICT"] == nil ? [] : [.unsafeFlags(["-warnings-as-errors"])]

/// The logic of `examples/ios-chat`, which `cargo xtask swift` lays out beside ours.
let example: [Target] =
    Context.environment["WHEELWORK_EXAMPLE"] == nil
    ? []
    : [
        .target(name: "ChatLogic", dependencies: ["Wheelwork"], swiftSettings: strict),
        .testTarget(name: "ChatLogicTests", dependencies: ["ChatLogic"], swiftSettings: strict),
    ]

/// Apple's `Security` as far as its documentation says it, which `cargo xtask swift` compiles `Keychain.swift` against.
let stub: [Target] =
    Context.environment["WHEELWORK_STUB"] == nil ? [] : [.target(name: "Security", path: "Stub/Security")]
let security: [Target.Dependency] = stub.isEmpty ? [] : ["Security"]
let stubbed: [SwiftSetting] = stub.isEmpty ? [] : [.define("WHEELWORK_STUB")]

let tests: [Target] = [
    .testTarget(
        name: "AppInMode5", dependencies: ["Wheelwork"], path: "Tests/AppInMode5",
        swiftSettings: strict + [.swiftLanguageMode(.v5)]),
    .executableTarget(
        name: "SessionChild", dependencies: ["Wheelwork"], path: "Tests/SessionChild", swiftSettings: strict),
    .testTarget(
        name: "WheelworkTests", dependencies: ["Wheelwork", "WheelworkFFI", "SessionChild"] + security,
        swiftSettings: strict + stubbed),
    .testTarget(
        name: "MappingTests", dependencies: ["FoundationModelsMapping"], exclude: ["Fixtures"],
        swiftSettings: strict),
]

let package = Package(
    name: "Wheelwork",
    platforms: [.iOS(.v16), .macOS(.v13), .visionOS(.v1)],
    products: [
        .library(name: "Wheelwork", targets: ["Wheelwork"]),
        .library(name: "FoundationModelsMapping", targets: ["FoundationModelsMapping"]),
    ],
    targets: [
        .systemLibrary(name: "CWheelwork"),
        .target(name: "WheelworkFFI", dependencies: ["CWheelwork"]),
        .target(
            name: "Wheelwork", dependencies: ["WheelworkFFI"] + security, resources: [.copy("PrivacyInfo.xcprivacy")],
            swiftSettings: strict),
        .target(name: "FoundationModelsMapping", dependencies: ["Wheelwork"], swiftSettings: strict),
    ] + tests + stub + example,
    swiftLanguageModes: [.v6]
)
