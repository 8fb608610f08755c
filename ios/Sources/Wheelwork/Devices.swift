import Foundation
internal import WheelworkFFI

/// A way to run a model.
public struct ProviderFacts: Sendable, Hashable {
    /// ONNX Runtime's name of the execution provider.
    public let provider: String
    /// The device that it drives.
    public let device: ComputeDevice
    /// What the device is, for a person.
    public let hardware: String
    /// Whether this build has code for it. Whether the machine has the device, ``Engine/devices()`` tells.
    public let inThisBuild: Bool

    init(_ facts: WheelworkFFI.ProviderFacts) {
        provider = facts.provider
        device = ComputeDevice(facts.device)
        hardware = facts.hardware
        inThisBuild = facts.inThisBuild
    }
}

/// What this machine has of a way to run a model.
public struct DetectedProvider: Sendable, Hashable {
    /// ONNX Runtime's name of the execution provider.
    public let provider: String
    /// The device that it drives.
    public let device: ComputeDevice
    /// What the device is, for a person.
    public let hardware: String
    /// How far it was proven.
    public let support: ProviderSupport
    /// Whether this machine's CPU only computes what the device would.
    public let simulator: Bool
    /// The names that ``OpenOptions/providerOptions`` takes for it.
    public let options: [String]
    /// The devices that it offers here; none for what ONNX Runtime's own library holds, and where it cannot be used.
    public let devices: [DetectedDevice]
    /// Why it cannot be used; nil where it can.
    public let unusable: Unusable?

    init(_ found: WheelworkFFI.DetectedProvider) {
        provider = found.provider
        device = ComputeDevice(found.device)
        hardware = found.hardware
        support = ProviderSupport(found.support)
        simulator = found.simulator
        options = found.options
        devices = found.devices.map(DetectedDevice.init)
        unusable = found.unusable.map(Unusable.init)
    }
}

/// A device that a provider offers.
public struct DetectedDevice: Sendable, Hashable {
    /// What it is. Where it is a CPU and the provider drives another kind, it is simulated there.
    public let kind: ComputeDevice
    /// Who made it, as the system says; may be empty.
    public let vendor: String
    /// Who made the provider.
    public let providerVendor: String

    init(_ device: WheelworkFFI.DetectedDevice) {
        kind = ComputeDevice(device.kind)
        vendor = device.vendor
        providerVendor = device.providerVendor
    }
}

/// Why a provider cannot be used.
public struct Unusable: Sendable, Hashable {
    /// The kind of reason.
    public let reason: NotUsedReason
    /// The same for a person: reads well after "because".
    public let words: String
    /// What the system or ONNX Runtime said; nil where it said nothing.
    public let detail: String?

    init(_ unusable: WheelworkFFI.Unusable) {
        reason = NotUsedReason(unusable.reason)
        words = unusable.words
        detail = unusable.detail
    }
}

/// How far a provider was proven.
public enum ProviderSupport: String, Sendable, CaseIterable {
    /// Tested; taken wherever it can be used.
    case supported
    /// Nobody ran it on the hardware that it is for. Taken where its device is asked for by name.
    case unproven
    /// This build has no code for it.
    case notInThisBuild

    init(_ support: WheelworkFFI.ProviderSupport) {
        switch support {
        case .supported: self = .supported
        case .unproven: self = .unproven
        case .notInThisBuild: self = .notInThisBuild
        }
    }
}

/// Whether models can run here at all; see ``Engine/availability()``.
public enum Availability: Sendable, Hashable {
    /// They can, on this ONNX Runtime; with what the machine has of every provider, the best device first.
    case available(ONNXRuntimeFacts, providers: [DetectedProvider])
    /// They cannot: ONNX Runtime is missing, too old or made for another machine.
    case unavailable(WheelworkError)
}

extension Engine {
    /// Whether models can run here at all: before one is downloaded. Starts ONNX Runtime with its providers, which stay: up to
    /// some seconds at the first call. What is missing is told, not thrown.
    public static func availability() async -> Availability {
        do throws(WheelworkError) {
            return .available(try await runtime(), providers: try await devices())
        } catch {
            return .unavailable(error)
        }
    }

    /// Every execution provider that Wheelwork knows of, the best device first. Takes no time.
    public static var providers: [ProviderFacts] {
        WheelworkFFI.devices().map(ProviderFacts.init)
    }

    /// What this machine has of every provider, the best device first, and why the others cannot be used. Starts ONNX Runtime
    /// with its providers, which stay: up to some seconds at the first call.
    public static func devices() async throws(WheelworkError) -> [DetectedProvider] {
        try await blocking { try detectDevices() }.map(DetectedProvider.init)
    }

    /// Lets devices be tried again that took the process down or could not compile a model: what the remedy
    /// `allow_device_again` asks for. How many were forgotten. Removes small files.
    public static func allowDevicesAgain(_ trialsFolder: URL) async throws(WheelworkError) -> Int {
        let path = trialsFolder.path
        return count(try await blocking { try WheelworkFFI.allowDevicesAgain(trialsDir: path) })
    }

    /// The ONNX Runtime that the model runs on.
    public var runtime: ONNXRuntimeFacts {
        get throws(WheelworkError) { ONNXRuntimeFacts(try of { try $0.onnxRuntime() }) }
    }
}
