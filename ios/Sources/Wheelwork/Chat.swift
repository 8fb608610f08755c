import Foundation
internal import WheelworkFFI

/// A conversation; one turn at a time, another is a ``WheelworkError`` with the code ``WheelworkError/Code/busy``.
///
/// May be used from any task. After ``close()`` every call is a ``WheelworkError/Code/closed``.
public final class Chat: Sendable {
    private let handle: ChatHandle
    private let engine: Gate
    private let gate = Gate("conversation")

    init(_ handle: ChatHandle, engine: Gate) {
        self.handle = handle
        self.engine = engine
    }

    /// Adds a user's message and answers it. Costs nothing until it is read; where the turn fails, the message is not added.
    public func ask(_ text: String, _ options: Options = Options()) -> Turn {
        Turn { [self] in
            try computing().ask(text: text, options: options.ffi(), priority: options.priority.ffi)
        }
    }

    /// Answers the messages as they stand; else as ``ask(_:_:)``.
    public func respond(_ options: Options = Options()) -> Turn {
        Turn { [self] in try computing().respond(options: options.ffi(), priority: options.priority.ffi) }
    }

    /// Asks and waits for the whole answer. Cancelling the task ends it within a token, with what was said so far.
    public func respond(to text: String, _ options: Options = Options()) async throws(WheelworkError) -> Answer {
        try await ask(text, options).answer()
    }

    /// Goes on with a turn that was paused, or that an earlier process left unfinished, with the options that it began with; its
    /// events come again from the start.
    public func resume(priority: Priority = .interactive) -> Turn {
        Turn { [self] in try computing().resume(priority: priority.ffi) }
    }

    /// Adds a message without answering it.
    public func push(_ message: ChatMessage) async throws(WheelworkError) {
        let value = message.ffi
        try await call { try $0.push(message: value) }
    }

    /// The conversation so far.
    public func messages() async throws(WheelworkError) -> [ChatMessage] {
        try await call { try $0.messages() }.map(ChatMessage.init)
    }

    /// Forgets the conversation.
    public func clear() async throws(WheelworkError) {
        try await call { try $0.clear() }
    }

    /// Tokens of the prompt that a turn with these options would have: of the messages so far and, unless it is nil, a user's
    /// message.
    public func promptTokens(_ text: String?, _ options: Options = Options()) async throws(WheelworkError) -> Int {
        let values = try options.ffi()
        return count(try await call { try $0.promptTokens(text: text, options: values) })
    }

    /// Tokens in the cache.
    public func cachedTokens() async throws(WheelworkError) -> Int {
        count(try await call { try $0.cachedTokens() })
    }

    /// Computes the messages so far and keeps their keys and values for all conversations of the engine, which has to be opened
    /// with ``OpenOptions/prefixCacheBytes``. For system messages and examples, never for what a person wrote. Cancelling the
    /// task ends it.
    public func sharePrefix() async throws(WheelworkError) -> SharedPrefix {
        let sharing = try await call { try $0.sharePrefix() }
        do {
            let shared = try await withTaskCancellationHandler {
                try await sharing.next()
            } onCancel: {
                sharing.cancel()
            }
            return SharedPrefix(tokens: count(shared?.tokens ?? 0), computedTokens: count(shared?.computedTokens ?? 0))
        } catch {
            throw WheelworkError(error)
        }
    }

    /// Saves the conversation with its cache to a file, which is complete or the one before. Writes some kilobytes a token.
    /// `key` are 32 secret bytes that encrypt it; nil leaves it readable.
    public func save(_ file: URL, key: Data? = nil) async throws(WheelworkError) {
        let path = file.path
        try await call { try $0.save(path: path, key: key) }
    }

    /// As ``save(_:key:)``, and keeps the file up to date from now on: after so many tokens or so long, and at a turn's end.
    public func keep(
        in file: URL, key: Data? = nil, everyTokens tokens: Int = 32, every time: Duration = .seconds(5)
    ) async throws(WheelworkError) {
        let path = file.path
        let autosave = Autosave(tokens: try natural(tokens, "everyTokens"), timeMs: time.wholeMilliseconds)
        try await call { try $0.keepIn(path: path, key: key, autosave: autosave) }
    }

    /// Another conversation that goes on from here, with a copy of the cache.
    public func fork() async throws(WheelworkError) -> Chat {
        Chat(try await call { try $0.fork() }, engine: engine)
    }

    /// Ends the turn under way within a token; its sequence ends with ``Event/finished(_:)``. Returns at once.
    public func cancel() { handle.cancel() }

    /// Ends the turn under way within a token and leaves it unfinished: ``resume(priority:)`` goes on with it, in this process
    /// or, where the conversation is kept in a file, in another. Returns at once.
    public func pause() { handle.suspend() }

    /// Ends the reasoning of the turn under way at its next token, so that the answer comes. Returns at once.
    public func answerNow() { handle.answerNow() }

    /// Has the turn under way saved at its next token and waits for that. False where it was not: no turn, nobody reads it, a
    /// token takes longer, or the conversation is kept in no file.
    public func saveNow(atMost: Duration = .seconds(2)) async -> Bool {
        let wait = atMost.wholeMilliseconds
        return (try? await call { $0.saveNow(waitMs: wait) }) ?? false
    }

    /// Cancels the turn under way and lets go of the cache. Returns at once. More than once is fine.
    public func close() {
        guard gate.close() else { return }
        background { [handle] in handle.shutDown() }
    }

    /// As ``close()``, and waits until the cache is free.
    public func closeAndWait() async {
        _ = gate.close()
        try? await blocking { [handle] in handle.shutDown() }
    }

    func open() throws(WheelworkError) -> ChatHandle {
        try engine.checkOpen()
        try gate.checkOpen()
        return handle
    }

    private func computing() throws(WheelworkError) -> ChatHandle {
        try engine.checkComputes()
        return try open()
    }

    private func call<T: Sendable>(
        _ body: @escaping @Sendable (ChatHandle) throws -> T
    ) async throws(WheelworkError) -> T {
        let handle = try open()
        return try await blocking { try body(handle) }
    }
}

/// A prefix that conversations share.
public struct SharedPrefix: Sendable, Hashable {
    /// Tokens of the prefix.
    public let tokens: Int
    /// Of these, tokens that had to be computed.
    public let computedTokens: Int
}
