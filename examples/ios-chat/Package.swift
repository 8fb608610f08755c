// swift-tools-version: 6.0
import PackageDescription

// `ChatLogic` is what `cargo xtask swift` compiles and tests on Linux; `ChatApp` is SwiftUI, for Xcode.
let package = Package(
    name: "ios-chat",
    platforms: [.iOS(.v17), .macOS(.v14), .visionOS(.v1)],
    products: [.library(name: "ChatApp", targets: ["ChatApp"])],
    dependencies: [.package(name: "Wheelwork", path: "../../ios")],
    targets: [
        .target(name: "ChatLogic", dependencies: [.product(name: "Wheelwork", package: "Wheelwork")]),
        .target(name: "ChatApp", dependencies: ["ChatLogic"]),
        .testTarget(name: "ChatLogicTests", dependencies: ["ChatLogic"]),
    ],
    swiftLanguageModes: [.v6]
)
