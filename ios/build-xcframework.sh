#!/usr/bin/env bash
# The release for Apple's systems, on a Mac: `ios/build-xcframework.sh VERSION [URL]` leaves it in `target/ios-release`.
#
# 1. cargo builds the bindings as static libraries, for devices, simulators and Macs, with line tables for an app's dSYM.
# 2. UniFFI writes header, module map and Swift.
# 3. xcodebuild makes `CWheelwork.xcframework` of libraries and headers; it is zipped, and its checksum computed.
# 4. The package is laid out as an app resolves it: a binary target, by URL where one is given, else by path.
#
# Unproven: written on Linux, where steps 1 (but for the simulators and Macs) and 2 run as `cargo xtask ios`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?'VERSION, as in 0.1.0'}
url=${2:-}
release=target/ios-release
package=$release/Wheelwork
profile=phone

targets=(aarch64-apple-ios aarch64-apple-ios-sim aarch64-apple-darwin)
export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0
export CARGO_PROFILE_PHONE_DEBUG=line-tables-only
# A panic tells a place within a crate, not on the machine that built it.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=wheelwork"
rm -rf "$release"
mkdir -p "$package"
rustup target add "${targets[@]}"

# 1. ONNX Runtime is left to the app's link (`OrtGetApiBase`).
for target in "${targets[@]}"; do
    cargo rustc --locked --package wheelwork-uniffi --lib --crate-type staticlib --features linked \
        --profile "$profile" --target "$target"
done
library() { echo "target/$1/$profile/libwheelwork_uniffi.a"; }

# 2.
generated=$release/generated
cargo run --locked --quiet --package wheelwork-uniffi-bindgen -- \
    generate "$(library aarch64-apple-ios)" --no-format --language swift --out-dir "$generated"

# 3. In a folder of the module's name: module maps of two static frameworks would overwrite each other in one.
headers=$release/headers
mkdir -p "$headers/CWheelwork"
cp "$generated/CWheelwork.h" "$headers/CWheelwork/"
cp "$generated/CWheelwork.modulemap" "$headers/CWheelwork/module.modulemap"
arguments=()
for target in "${targets[@]}"; do
    arguments+=(-library "$(library "$target")" -headers "$headers")
done
xcodebuild -create-xcframework "${arguments[@]}" -output "$release/CWheelwork.xcframework"
(cd "$release" && ditto -c -k --keepParent CWheelwork.xcframework "CWheelwork-$version.xcframework.zip")
checksum=$(swift package --package-path ios compute-checksum "$release/CWheelwork-$version.xcframework.zip")

# 4.
cp -R ios/Sources "$package/Sources"
rm -rf "$package/Sources/CWheelwork"
mkdir -p "$package/Sources/WheelworkFFI"
cp "$generated/WheelworkFFI.swift" "$package/Sources/WheelworkFFI/"
cp LICENSE-APACHE LICENSE-MIT "$package/"
if [ -n "$url" ]; then
    binary=".binaryTarget(name: \"CWheelwork\", url: \"$url\", checksum: \"$checksum\")"
else
    cp -R "$release/CWheelwork.xcframework" "$package/"
    binary='.binaryTarget(name: "CWheelwork", path: "CWheelwork.xcframework")'
fi
# The tests stay in the repository.
awk -v binary="$binary" '
    /\.systemLibrary\(name: "CWheelwork"\)/ { print "        " binary ","; next }
    /\.executableTarget\(|\.testTarget\(/ { skipping = 1 }
    skipping { if (/\),$/) skipping = 0; next }
    { print }
' ios/Package.swift > "$package/Package.swift"

# The ledger: bytes of each slice as an app could link it, and of what is fetched.
{
    echo "Wheelwork $version"
    for target in "${targets[@]}"; do echo "$target $(stat -f %z "$(library "$target")")"; done
    echo "zip $(stat -f %z "$release/CWheelwork-$version.xcframework.zip")"
    echo "checksum $checksum"
} | tee "$release/ledger.txt"
