/// The state of the device, as the system tells an app. The defaults have nothing to save.
public struct Conditions: Sendable, Hashable {
    /// How warm it is.
    public var thermal: Thermal
    /// What it runs on.
    public var battery: Battery
    /// Whether its user sees the app.
    public var foreground: Bool

    public init(thermal: Thermal = .nominal, battery: Battery = .enough, foreground: Bool = true) {
        self.thermal = thermal
        self.battery = battery
        self.foreground = foreground
    }
}

/// How warm a device is: the levels of the system.
public enum Thermal: String, Sendable, CaseIterable {
    /// As it should be.
    case nominal
    /// Warm.
    case fair
    /// The system slows down.
    case serious
    /// The system is about to switch things off.
    case critical
}

/// What a device runs on.
public enum Battery: String, Sendable, CaseIterable {
    /// A charger, or a battery with enough left.
    case enough
    /// A battery with little left, or one whose user wants to save it, and no charger.
    case low
}

/// How fast an engine computes.
public enum Pace: String, Sendable, Codable, CaseIterable {
    /// All of the time.
    case full
    /// Two thirds of the time.
    case eased
    /// A third of the time; background turns wait.
    case slow
    /// A seventh of the time; all but interactive turns wait.
    case minimal
}
