import Foundation
internal import WheelworkFFI

/// An open model with the thread that computes; any number of conversations share it.
///
/// ``close()`` gives the memory back, whatever conversations are still held: their turns are cancelled, and using them
/// afterwards is a ``WheelworkError`` with the code ``WheelworkError/Code/closed``. What is never closed is freed when nothing
/// refers to it any more.
public actor Engine {
    let handle: EngineHandle
    nonisolated let gate: Gate

    init(_ handle: EngineHandle) {
        self.handle = handle
        gate = Gate("engine")
    }

    /// Opens a package folder, or a model folder of onnxruntime-genai: 0.1 to some seconds, more where graphs are compiled.
    /// Cancelling the task ends it, with ``WheelworkError/Code/openCancelled``; nothing stays open then.
    public static func open(
        _ folder: URL, options: OpenOptions = OpenOptions(), onStep: @Sendable (OpenStep) -> Void = { _ in }
    ) async throws(WheelworkError) -> Engine {
        let (path, values, engine) = (folder.path, try options.ffi(), try options.engine())
        let opening = try await blocking { try OpenHandle.begin(path: path, options: values, engine: engine) }
        do {
            return try await withTaskCancellationHandler {
                while let event = try await opening.next() {
                    switch event {
                    case .describe: onStep(.describe)
                    case .load(let provider, let device):
                        onStep(.load(provider: provider, device: ComputeDevice(device)))
                    case .compile(let graph, let number, let graphs):
                        onStep(.compile(graph: graph, number: count(number), graphs: count(graphs)))
                    case .selfCheck(let provider): onStep(.selfCheck(provider: provider))
                    case .opened(let engine): return Engine(engine)
                    }
                }
                throw WheelworkError(
                    kind: .bug, code: .panicked, remedy: "report this", remedyKind: "report", place: nil,
                    reason: "the opening ended without an end")
            } onCancel: {
                opening.cancel()
            }
        } catch {
            throw WheelworkError(error)
        }
    }

    /// What a model takes of the memory, told before it is loaded. Reads descriptions: some tenths of a second.
    public static func memoryPlan(
        _ folder: URL, options: OpenOptions = OpenOptions()
    ) async throws(WheelworkError) -> MemoryPlan {
        let (path, values) = (folder.path, try options.ffi())
        return MemoryPlan(try await blocking { try WheelworkFFI.memoryPlan(path: path, options: values) })
    }

    /// The ONNX Runtime that models run on; loads it where it is not yet.
    public static func runtime() async throws(WheelworkError) -> ONNXRuntimeFacts {
        ONNXRuntimeFacts(try await blocking { try WheelworkFFI.onnxRuntime() })
    }

    /// Where the model runs, and why not on a better device.
    public var placement: Placement {
        get throws(WheelworkError) { Placement(try of { try $0.placement() }) }
    }

    /// The package's name.
    public var modelName: String {
        get throws(WheelworkError) { try of { try $0.modelName() } }
    }

    /// The longest sequence in tokens.
    public var contextLength: Int {
        get throws(WheelworkError) { count(try of { try $0.contextLength() }) }
    }

    /// Whether the model reasons; if not, limits of reasoning change nothing.
    public var reasons: Bool {
        get throws(WheelworkError) { try of { try $0.reasons() } }
    }

    /// How fast the engine computes now, by the conditions that it was told last.
    public var pace: Pace {
        get throws(WheelworkError) { Pace(try of { try $0.pace() }) }
    }

    /// What one more conversation of so many tokens takes of the memory, the model's own aside. Below a millisecond.
    public func memoryPlan(contextTokens: Int) throws(WheelworkError) -> MemoryPlan {
        let tokens: UInt32 = try natural(contextTokens, "contextTokens")
        return MemoryPlan(try of { try $0.memoryPlan(contextTokens: tokens) })
    }

    /// Tokens of a text in which nothing is a control token, without what a template puts around it. Some milliseconds for a
    /// long text.
    public func countTokens(_ text: String) async throws(WheelworkError) -> Int {
        let handle = try open()
        return count(try await blocking { try handle.countTokens(text: text) })
    }

    /// Starts a conversation, with these messages if there are any. Some milliseconds; computes nothing yet.
    public func chat(_ messages: [ChatMessage] = []) async throws(WheelworkError) -> Chat {
        let (handle, first) = (try open(), messages.map(\.ffi))
        let chat = try await blocking {
            let chat = try handle.chat()
            for message in first { try chat.push(message: message) }
            return chat
        }
        return adopt(chat)
    }

    /// Starts a conversation where a file says that one stood; `key` are the 32 bytes that it was encrypted with.
    public func restore(_ file: URL, key: Data? = nil) async throws(WheelworkError) -> Restored {
        let (handle, path) = (try open(), file.path)
        return restored(try await blocking { try handle.restore(path: path, key: key) })
    }

    /// As ``restore(_:key:)`` from a damaged file, of which all that is whole is read. The conversation can be kept in another
    /// file only: the damaged one is the only copy of the rest.
    public func salvage(_ file: URL, key: Data? = nil) async throws(WheelworkError) -> Restored {
        let (handle, path) = (try open(), file.path)
        return restored(try await blocking { try handle.salvage(path: path, key: key) })
    }

    /// Forgets the prefixes that conversations share, for instance when the system runs short of memory.
    public func clearPrefixes() throws(WheelworkError) {
        try of { try $0.clearPrefixes() }
    }

    /// Says how the device is: where it is hot, low on battery or in a pocket, the engine rests between steps and lets turns of
    /// low priority wait. Every turn under way tells ``Event/paceChanged(_:)``.
    public func setConditions(_ conditions: Conditions) throws(WheelworkError) {
        let values = conditions.ffi
        try of { try $0.setConditions(conditions: values) }
    }

    /// Cancels every turn and lets go of the model. Returns at once; ``closeAndWait()`` waits until the memory is free. More than
    /// once is fine.
    public nonisolated func close() {
        guard gate.close() else { return }
        background { [handle] in handle.shutDown() }
    }

    /// As ``close()``, and waits until the memory is free: a step of the model at most.
    public nonisolated func closeAndWait() async {
        _ = gate.close()
        try? await blocking { [handle] in handle.shutDown() }
    }

    /// A conversation of this engine, which is closed with it.
    func adopt(_ chat: ChatHandle) -> Chat { Chat(chat, engine: gate) }

    func open() throws(WheelworkError) -> EngineHandle {
        try gate.checkOpen()
        return handle
    }

    func of<T>(_ call: (EngineHandle) throws -> T) throws(WheelworkError) -> T {
        let handle = try open()
        return try translated { try call(handle) }
    }

    private func restored(_ found: RestoredChat) -> Restored {
        Restored(
            chat: adopt(found.chat), cachedTokens: count(found.cachedTokens),
            recomputedBecause: found.recomputedBecause, hasUnfinishedTurn: found.unfinishedTurn,
            droppedBytes: count(found.droppedBytes), isKeptElsewhere: found.keptElsewhere,
            damagedAt: found.damagedAt.map { count($0) })
    }
}

/// What a session file gave.
public struct Restored: Sendable {
    /// The conversation.
    public let chat: Chat
    /// Tokens whose keys and values are back.
    public let cachedTokens: Int
    /// Why the next turn computes the whole conversation again; nil where it does not.
    public let recomputedBecause: String?
    /// Whether a turn was under way: ``Chat/resume(priority:)`` goes on with it.
    public let hasUnfinishedTurn: Bool
    /// Bytes at the file's end that were no whole record.
    public let droppedBytes: Int
    /// Whether another conversation, here or in another process, is kept in the file: this one cannot be.
    public let isKeptElsewhere: Bool
    /// The byte from which on a damaged file was not read; nil where it was whole.
    public let damagedAt: Int?
}

/// An ONNX Runtime.
public struct ONNXRuntimeFacts: Sendable, Hashable {
    /// Its version.
    public let version: String
    /// Where it stands.
    public let path: String
    /// What it says of its build.
    public let build: String

    init(_ facts: OnnxRuntime) {
        version = facts.version
        path = facts.path
        build = facts.build
    }
}
