import Wheelwork

/// The conversation of one session: what its cache holds is used again where the next transcript goes on from it.
public actor HeldConversation {
    private let engine: Engine
    private var chat: Chat?

    public init(_ engine: Engine) {
        self.engine = engine
    }

    /// The turn that answers these messages. What they add to the conversation is added to it; where they say something else,
    /// another conversation is begun.
    public func turn(for messages: [ChatMessage], _ options: Options) async throws(WheelworkError) -> Turn {
        if let chat, case .add(let more) = Continuation(held: try await chat.messages(), wanted: messages) {
            for message in more { try await chat.push(message) }
            return chat.respond(options)
        }
        let before = chat
        let begun = try await engine.chat(messages)
        chat = begun
        before?.close()
        return begun.respond(options)
    }
}
