import Foundation
import Observation
import Wheelwork

/// A question with what came of it.
public struct Exchange: Identifiable, Hashable, Sendable {
    public let id: Int
    public let question: String
    public var turn: TurnState
}

/// A conversation on a screen, kept in a file with every token.
@available(iOS 17, macOS 14, visionOS 1, *)
@MainActor @Observable
public final class Conversation: Identifiable {
    /// The name of its file.
    public nonisolated let id: String
    /// In order, the last one perhaps under way.
    public private(set) var exchanges: [Exchange] = []
    /// Whether a turn is under way.
    public private(set) var isBusy = false
    /// Whether the last turn waits for ``resume()``.
    public private(set) var isPaused = false
    /// What went wrong last, with what to do.
    public private(set) var problem: String?
    /// Where the model runs.
    public let placement: Placement
    let chat: Chat
    private var reading: Task<Void, Never>?

    /// Begins where the file says that one stood, or anew where there is no file.
    public init(_ engine: Engine, id: String, file: URL, key: Data?) async throws(WheelworkError) {
        self.id = id
        placement = try await engine.placement
        if FileManager.default.fileExists(atPath: file.path) {
            let restored = try await engine.restore(file, key: key)
            chat = restored.chat
            isPaused = restored.hasUnfinishedTurn
        } else {
            chat = try await engine.chat()
        }
        try await chat.keep(in: file, key: key)
        for message in try await chat.messages() { add(message) }
        // The question of a turn that is not finished is not among the messages.
        if isPaused { exchanges.append(Exchange(id: exchanges.count, question: "", turn: TurnState())) }
    }

    /// Asks; `reasoningTokens` limits the reasoning, nil does not.
    public func ask(_ text: String, reasoningTokens: Int? = nil) {
        guard !isBusy, !text.isEmpty else { return }
        isPaused = false
        exchanges.append(Exchange(id: exchanges.count, question: text, turn: TurnState()))
        let options = Options { if let reasoningTokens { $0.think = .budget(tokens: reasoningTokens) } }
        read(chat.ask(text, options))
    }

    /// Goes on with a turn that was paused; its events come again from the start.
    public func resume() {
        guard isPaused, !isBusy else { return }
        isPaused = false
        read(chat.resume())
    }

    /// Has the answer come at the next token.
    public func answerNow() { chat.answerNow() }

    /// Ends the turn within a token.
    public func stop() { chat.cancel() }

    /// Waits until the turn under way has ended.
    public func settled() async { await reading?.value }

    /// Lets go of it: a turn under way stays in the file, unfinished.
    func leave() async {
        chat.pause()
        await settled()
        await chat.closeAndWait()
    }

    func fail(_ error: WheelworkError) { problem = ChatModel.words(error) }

    private func read(_ turn: Turn) {
        isBusy = true
        problem = nil
        reading = Task {
            var state = TurnState()
            do throws(WheelworkError) {
                var events = turn.makeAsyncIterator()
                while let event = try await events.next() {
                    state.add(event)
                    show(state)
                }
            } catch {
                state.fail(error)
                show(state)
                fail(error)
            }
            isPaused = state.finished?.reason == .suspended
            isBusy = false
        }
    }

    private func show(_ state: TurnState) {
        guard !exchanges.isEmpty else { return }
        exchanges[exchanges.count - 1].turn = state
    }

    private func add(_ message: ChatMessage) {
        switch message.role {
        case .user: exchanges.append(Exchange(id: exchanges.count, question: message.text, turn: TurnState()))
        case .assistant where !exchanges.isEmpty:
            var turn = exchanges[exchanges.count - 1].turn
            if let reasoning = message.reasoning { turn.add(.reasoningDelta(text: reasoning)) }
            turn.add(.answerDelta(text: message.answer))
            show(turn)
        default: break
        }
    }
}
