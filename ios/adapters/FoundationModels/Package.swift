// swift-tools-version: 6.2
import PackageDescription

// `WHEELWORK_STUB` type-checks the adapter where there is no FoundationModels, against what `Stub` has of its documentation.
let stub = Context.environment["WHEELWORK_STUB"] != nil
let stubs: [Target] = stub ? [.target(name: "FoundationModels", path: "Stub/FoundationModels")] : []

let package = Package(
    name: "WheelworkFoundationModels",
    platforms: [.iOS(.v16), .macOS(.v13), .visionOS(.v1)],
    products: [.library(name: "WheelworkFoundationModels", targets: ["WheelworkFoundationModels"])],
    dependencies: [.package(name: "Wheelwork", path: "../..")],
    targets: stubs + [
        .target(
            name: "WheelworkFoundationModels",
            dependencies: [
                .product(name: "Wheelwork", package: "Wheelwork"),
                .product(name: "FoundationModelsMapping", package: "Wheelwork"),
            ] + (stub ? [.target(name: "FoundationModels")] : []),
            swiftSettings: stub ? [.define("WHEELWORK_STUB")] : [])
    ],
    swiftLanguageModes: [.v6]
)
