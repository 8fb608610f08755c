// swift-tools-version: 6.1
import PackageDescription

// For systems before 27: there, `LanguageModelSession` of AnyLanguageModel takes this model. From 27 on, it takes the one of
// `WheelworkFoundationModels`, as Apple's does. `WHEELWORK_STUB` type-checks it without a network, against what `Stub` has of
// the other package's documentation.
let stub = Context.environment["WHEELWORK_STUB"] != nil
let others: [Package.Dependency] =
    stub ? [] : [.package(url: "https://github.com/huggingface/AnyLanguageModel.git", from: "0.10.0")]
let anyLanguageModel: Target.Dependency =
    stub ? .target(name: "AnyLanguageModel") : .product(name: "AnyLanguageModel", package: "AnyLanguageModel")

let package = Package(
    name: "WheelworkAnyLanguageModel",
    platforms: [.iOS(.v17), .macOS(.v14), .visionOS(.v1)],
    products: [.library(name: "WheelworkAnyLanguageModel", targets: ["WheelworkAnyLanguageModel"])],
    dependencies: [.package(name: "Wheelwork", path: "../..")] + others,
    targets: (stub ? [.target(name: "AnyLanguageModel", path: "Stub/AnyLanguageModel")] : []) + [
        .target(
            name: "WheelworkAnyLanguageModel",
            dependencies: [
                .product(name: "Wheelwork", package: "Wheelwork"),
                .product(name: "FoundationModelsMapping", package: "Wheelwork"),
                anyLanguageModel,
            ])
    ],
    swiftLanguageModes: [.v6]
)
