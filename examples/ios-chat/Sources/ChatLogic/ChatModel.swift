import Foundation
import Observation
import Wheelwork

/// The one model of the app: a package is installed, its memory is told, then conversations are held, one at a time.
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

    /// A conversation that is kept in a file; its words are nowhere else.
    public struct Saved: Identifiable, Hashable, Sendable {
        public let id: String
        public let changed: Date
    }

    public private(set) var stage = Stage.setup(Setup())
    /// The last one that was held first.
    public private(set) var saved: [Saved] = []
    private let home: URL
    private let key: @Sendable () async throws(WheelworkError) -> Data?
    private let options: OpenOptions
    private var model: URL?
    private var installing: Task<Void, Never>?
    private var keeping: Task<Void, Never>?
    private var engine: Engine?
    private var keeper: EngineKeeper?

    /// `home` is a folder of the app's own; `key` gives the 32 bytes that encrypt the conversation, as ``SessionKey`` does.
    public init(
        home: URL, options: OpenOptions = OpenOptions(),
        key: @escaping @Sendable () async throws(WheelworkError) -> Data? = { () throws(WheelworkError) in nil }
    ) {
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

    /// Opens the installed model and the conversation that was held last. `signals` are the system's, if there are any.
    public func open(_ signals: (any SystemSignals)? = nil) async {
        guard let model else { return }
        change {
            $0.isOpening = true
            $0.problem = nil
        }
        do throws(WheelworkError) {
            let engine = try await Engine.open(model, options: options)
            self.engine = engine
            keeper = keep(engine, signals)
            try await sessions.make()
            lookForConversations()
            try await hold(saved.first?.id ?? UUID().uuidString, engine)
        } catch {
            change {
                $0.isOpening = false
                $0.problem = Self.words(error)
            }
        }
    }

    /// Goes on with another conversation; nil begins one. A turn that is under way can be resumed there later.
    public func hold(_ id: String?) async {
        guard let engine, case .talking(let before) = stage else { return }
        do throws(WheelworkError) {
            await before.leave()
            try await hold(id ?? UUID().uuidString, engine)
        } catch {
            before.fail(error)
        }
    }

    /// Deletes the conversation that is held, and goes on with the one before it.
    public func delete() async {
        guard case .talking(let conversation) = stage else { return }
        await conversation.leave()
        try? FileManager.default.removeItem(at: file(conversation.id))
        lookForConversations()
        await hold(saved.first?.id)
    }

    private func hold(_ id: String, _ engine: Engine) async throws(WheelworkError) {
        let conversation = try await Conversation(engine, id: id, file: file(id), key: try await key())
        await keeper?.add(conversation.chat)
        stage = .talking(conversation)
        lookForConversations()
    }

    /// Where conversations are kept: readable behind a locked screen, because a turn may go on there.
    private var sessions: AppFolder { AppFolder(home.appendingPathComponent("conversations")) }

    private func file(_ id: String) -> URL { sessions.url.appendingPathComponent("\(id).session") }

    private func lookForConversations() {
        let files = try? FileManager.default.contentsOfDirectory(
            at: sessions.url, includingPropertiesForKeys: [.contentModificationDateKey])
        let found = (files ?? []).filter { $0.pathExtension == "session" }.map { file in
            let values = try? file.resourceValues(forKeys: [.contentModificationDateKey])
            return Saved(
                id: file.deletingPathExtension().lastPathComponent,
                changed: values?.contentModificationDate ?? .distantPast)
        }
        saved = found.sorted { $0.changed > $1.changed }
    }

    /// Does what the system asks for: pauses in the background, goes on in front, closes where memory is short.
    private func keep(_ engine: Engine, _ signals: (any SystemSignals)?) -> EngineKeeper {
        let keeper = EngineKeeper(
            engine,
            onResume: { [weak self] chat in await self?.resume(chat) },
            onClose: { [weak self] in await self?.close() })
        if let signals { keeping = Task { await LifeCycle.run(signals, on: keeper) } }
        return keeper
    }

    private func resume(_ chat: Chat) {
        if case .talking(let conversation) = stage, conversation.chat === chat { conversation.resume() }
    }

    /// The engine is gone; the conversations are in their files.
    private func close() async {
        keeping?.cancel()
        (engine, keeper) = (nil, nil)
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
