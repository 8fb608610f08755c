/// What the system tells an app, whichever system it is.
public enum SystemSignal: Sendable, Hashable {
    /// The app is in front.
    case foreground
    /// The app is about to stand still.
    case background
    /// Memory is short, and the system will end apps.
    case memoryWarning
    /// How warm the device is.
    case thermal(Thermal)
    /// Whether the device saves power.
    case lowPower(Bool)
}

/// Where signals come from: the system, or a test.
public protocol SystemSignals: Sendable {
    /// The state at the time of the call, then every change.
    func signals() -> AsyncStream<SystemSignal>
}

/// What is done about them: an engine with its conversations, or a test.
public protocol LifeCycleTarget: Sendable {
    /// Does it; what fails is over already.
    func perform(_ action: LifeCycle.Action) async
}

/// Decides what a signal of the system asks for. It holds no engine and calls nothing.
public struct LifeCycle: Sendable, Hashable {
    /// What is to be done.
    public enum Action: Sendable, Hashable {
        /// Say how the device is, so that the engine keeps its pace.
        case tell(Conditions)
        /// Refuse new turns.
        case hold
        /// Allow new turns again.
        case release
        /// End turns within a token and leave them unfinished.
        case pauseTurns
        /// Write what is kept in files.
        case save
        /// Forget prefixes that conversations share.
        case clearPrefixes
        /// Let go of the model.
        case close
        /// Go on with turns that were paused.
        case resumeTurns
    }

    /// Whether turns may go on in the background: on the CPU while the system lets the app run, as it does for a
    /// `BGContinuedProcessingTask`. On a GPU or NPU never: the system ends an app for it.
    public var goesOnInBackground: Bool
    /// What was said last.
    public private(set) var conditions = Conditions()
    private var isPaused = false

    public init(goesOnInBackground: Bool = false) {
        self.goesOnInBackground = goesOnInBackground
    }

    /// What a signal asks for, in this order; nothing where it says what is known.
    public mutating func decide(_ signal: SystemSignal) -> [Action] {
        let before = conditions
        switch signal {
        case .foreground: conditions.foreground = true
        case .background: conditions.foreground = false
        case .thermal(let thermal): conditions.thermal = thermal
        case .lowPower(let isLow): conditions.battery = isLow ? .low : .enough
        case .memoryWarning:
            isPaused = true
            // Of everything that can be given back, the smallest first; the app opens the model again when it is wanted.
            return [.pauseTurns, .save, .clearPrefixes, .close]
        }
        if conditions == before { return [] }
        var actions: [Action] = []
        if before.foreground, !conditions.foreground, !goesOnInBackground {
            isPaused = true
            actions = [.hold, .pauseTurns, .save]
        }
        actions.append(.tell(conditions))
        if !before.foreground, conditions.foreground, isPaused {
            isPaused = false
            actions += [.release, .resumeTurns]
        }
        return actions
    }

    /// Does what each signal asks for, until there are no more of them.
    public static func run(
        _ signals: some SystemSignals, goesOnInBackground: Bool = false, on target: some LifeCycleTarget
    ) async {
        var cycle = LifeCycle(goesOnInBackground: goesOnInBackground)
        for await signal in signals.signals() {
            for action in cycle.decide(signal) { await target.perform(action) }
        }
    }
}

/// An engine with the conversations that an app shows, as the target of a ``LifeCycle``.
///
/// What was closed for memory, or paused, is the app's to open and to resume: `onResume` is told when.
public actor EngineKeeper: LifeCycleTarget {
    private let engine: Engine
    private var chats: [Weak] = []
    private let onResume: @Sendable (Chat) async -> Void
    private let onClose: @Sendable () async -> Void

    private struct Weak {
        weak var chat: Chat?
        var isPaused = false
    }

    public init(
        _ engine: Engine, onResume: @escaping @Sendable (Chat) async -> Void = { _ in },
        onClose: @escaping @Sendable () async -> Void = {}
    ) {
        self.engine = engine
        self.onResume = onResume
        self.onClose = onClose
    }

    /// Has a conversation paused and saved with the app.
    public func add(_ chat: Chat) {
        chats.removeAll { $0.chat == nil }
        chats.append(Weak(chat: chat))
    }

    public func perform(_ action: LifeCycle.Action) async {
        switch action {
        case .tell(let conditions): try? await engine.setConditions(conditions)
        case .hold: engine.gate.hold(true)
        case .release: engine.gate.hold(false)
        case .pauseTurns:
            for index in chats.indices {
                chats[index].chat?.pause()
                chats[index].isPaused = true
            }
        case .save:
            // A paused turn is saved at its end; this waits for that.
            for weak in chats { _ = await weak.chat?.saveNow() }
        case .clearPrefixes: try? await engine.clearPrefixes()
        case .close:
            await engine.closeAndWait()
            await onClose()
        case .resumeTurns:
            for index in chats.indices where chats[index].isPaused {
                chats[index].isPaused = false
                if let chat = chats[index].chat { await onResume(chat) }
            }
        }
    }
}
