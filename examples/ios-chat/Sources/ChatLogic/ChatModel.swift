import Foundation
import Observation
import Wheelwork

/// The one model of the app: a package is installed, its memory is told, then its conversation is held.
@available(iOS 17, macOS 14, visionOS 1, *)
@MainActor @Observable
public final class ChatModel {
    /// What the app is at.
    public enum Stage {
        /// A model is looked for, installed or opened.
        case setup(Setup)
        /// There is a conversation.
        case talking(Conversation)
    }

    /// All that the first screen shows.
    public struct Setup: Hashable, Sendable {
        /// How far an installation is, 0 to 1; nil where there is none.
        public var progress: Double?
        /// What opening the installed model takes of the memory; nil where there is none.
        public var plan: MemoryPlan?
        public var isOpening = false
        /// What went wrong, with what to do.
        public var problem: String?
    }

    public private(set) var stage = Stage.setup(Setup())
    private let home: URL
    private let key: Data?
    private let options: OpenOptions
    private var model: URL?
    private var installing: Task<Void, Never>?
    private var keeping: Task<Void, Never>?

    /// `home` is a folder of the app's own; `key` are 32 bytes from the keychain that encrypt the conversation.
    public init(home: URL, key: Data? = nil, options: OpenOptions = OpenOptions()) {
        self.home = home
        self.key = key
        self.options = options
    }

    /// Looks for an installed model.
    public func setUp() async {
        if case .unavailable(let why) = await Engine.availability() {
            change { $0.problem = Self.words(why) }
            return
        }
        await look()
    }

    /// Installs a package; one that is under way goes on.
    public func install(_ source: PackageSource) {
        guard installing == nil else { return }
        change { $0.problem = nil }
        installing = Task {
            do throws(WheelworkError) {
                // A real app signs its packages and gives its key to the store.
                let steps = try store().install(source, options: InstallOptions { $0.unsigned = .told })
                var iterator = steps.makeAsyncIterator()
                while let event = try await iterator.next() {
                    if case .progress(.receive, let done, let total) = event, total > 0 {
                        change { $0.progress = Double(done) / Double(total) }
                    }
                }
            } catch {
                change { $0.problem = error.code == .storeCancelled ? nil : Self.words(error) }
            }
            change { $0.progress = nil }
            installing = nil
            await look()
        }
    }

    /// Ends the installation; what has arrived is used by the next one.
    public func cancelInstallation() async {
        installing?.cancel()
        await installing?.value
    }

    /// Waits until the installation under way has ended.
    public func installed() async { await installing?.value }

    /// Opens the installed model and the conversation where it was. `signals` are the system's, if there are any.
    public func open(_ signals: (any SystemSignals)? = nil) async {
        guard let model else { return }
        change {
            $0.isOpening = true
            $0.problem = nil
        }
        do throws(WheelworkError) {
            let engine = try await Engine.open(model, options: options)
            let conversation = try await Conversation(
                engine, file: home.appendingPathComponent("conversation"), key: key)
            if let signals { keep(engine, conversation, signals) }
            stage = .talking(conversation)
        } catch {
            change {
                $0.isOpening = false
                $0.problem = Self.words(error)
            }
        }
    }

    /// Does what the system asks for: pauses in the background, goes on in front, closes where memory is short.
    private func keep(_ engine: Engine, _ conversation: Conversation, _ signals: any SystemSignals) {
        let keeper = EngineKeeper(
            engine, onResume: { _ in await conversation.resume() },
            onClose: { [weak self] in await self?.close() })
        keeping = Task {
            await keeper.add(conversation.chat)
            await LifeCycle.run(signals, on: keeper)
        }
    }

    /// The engine is gone; the conversation is in its file.
    private func close() async {
        keeping?.cancel()
        stage = .setup(Setup())
        await look()
    }

    private func store() throws(WheelworkError) -> ModelStore {
        try ModelStore(home.appendingPathComponent("models"))
    }

    private func look() async {
        do throws(WheelworkError) {
            model = try await store().list().models.first?.folder
            guard let model else { return }
            let plan = try await Engine.memoryPlan(model, options: options)
            change { $0.plan = plan }
        } catch {
            change { $0.problem = Self.words(error) }
        }
    }

    private func change(_ change: (inout Setup) -> Void) {
        guard case .setup(var setup) = stage else { return }
        change(&setup)
        stage = .setup(setup)
    }

    static func words(_ error: WheelworkError) -> String { "\(error.reason): \(error.remedy)" }
}
