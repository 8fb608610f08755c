#if canImport(UIKit) && !os(watchOS)
    import Foundation
    import UIKit

    /// The signals of an app on iOS, iPadOS, tvOS and visionOS. It observes and decides nothing.
    public struct AppSignals: SystemSignals {
        public init() {}

        public func signals() -> AsyncStream<SystemSignal> {
            AsyncStream { continuation in
                let process = ProcessInfo.processInfo
                continuation.yield(.thermal(Thermal(process.thermalState)))
                continuation.yield(.lowPower(process.isLowPowerModeEnabled))
                let observed: [(Notification.Name, @Sendable () -> SystemSignal)] = [
                    (UIApplication.didBecomeActiveNotification, { .foreground }),
                    (UIApplication.didEnterBackgroundNotification, { .background }),
                    (UIApplication.didReceiveMemoryWarningNotification, { .memoryWarning }),
                    (
                        ProcessInfo.thermalStateDidChangeNotification,
                        { .thermal(Thermal(ProcessInfo.processInfo.thermalState)) }
                    ),
                    (
                        .NSProcessInfoPowerStateDidChange,
                        { .lowPower(ProcessInfo.processInfo.isLowPowerModeEnabled) }
                    ),
                ]
                let watching = observed.map { name, signal in
                    Task {
                        for await _ in NotificationCenter.default.notifications(named: name).map({ _ in () }) {
                            continuation.yield(signal())
                        }
                    }
                }
                continuation.onTermination = { _ in watching.forEach { $0.cancel() } }
            }
        }
    }

    extension Thermal {
        init(_ state: ProcessInfo.ThermalState) {
            switch state {
            case .nominal: self = .nominal
            case .fair: self = .fair
            case .serious: self = .serious
            case .critical: self = .critical
            @unknown default: self = .critical
            }
        }
    }
#endif
