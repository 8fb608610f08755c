/// One message of a conversation.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Sendable, Codable, CaseIterable {
        /// Instructions; R1's authors advise to put them into the user's message instead.
        case system
        /// The person.
        case user
        /// The model.
        case assistant
        /// The result of a tool call.
        case tool
    }

    /// One call of a tool.
    public struct Call: Sendable, Hashable {
        /// The function's name.
        public let name: String
        /// A JSON object, as text.
        public let arguments: String
        /// Names the call for its result; nil where calls have none, as R1's.
        public let id: String?
        /// Whether templates see the arguments as text, as R1's wants them; else as an object.
        public let asText: Bool

        public init(name: String, arguments: String, id: String? = nil, asText: Bool = true) {
            self.name = name
            self.arguments = arguments
            self.id = id
            self.asText = asText
        }
    }

    public let role: Role
    let content: String?
    /// Tools that the model calls.
    public let toolCalls: [Call]
    /// For a tool's result: the id of the call that it answers.
    public let toolCallId: String?
    /// For a tool's result: the tool's name.
    public let name: String?
    /// The reasoning in ``text``; nil where there is none.
    public let reasoning: String?
    let told: String?

    init(
        role: Role, content: String?, toolCalls: [Call] = [], toolCallId: String? = nil, name: String? = nil,
        reasoning: String? = nil, told: String? = nil
    ) {
        self.role = role
        self.content = content
        self.toolCalls = toolCalls
        self.toolCallId = toolCallId
        self.name = name
        self.reasoning = reasoning
        self.told = told
    }

    /// What is said. An answer of the model holds its reasoning too, as the model wrote it; empty where the model does nothing
    /// but call tools.
    public var text: String { content ?? "" }

    /// What ``text`` says without the reasoning.
    public var answer: String { told ?? text }

    /// Instructions.
    public static func system(_ text: String) -> ChatMessage { ChatMessage(role: .system, content: text) }

    /// What the person says.
    public static func user(_ text: String) -> ChatMessage { ChatMessage(role: .user, content: text) }

    /// What the model said; nil where it did nothing but call tools.
    public static func assistant(_ text: String?, calling calls: [Call] = []) -> ChatMessage {
        ChatMessage(role: .assistant, content: text, toolCalls: calls)
    }

    /// The result of a tool call; where calls have ids, with the call's.
    public static func tool(_ result: String, name: String? = nil, callId: String? = nil) -> ChatMessage {
        ChatMessage(role: .tool, content: result, toolCallId: callId, name: name)
    }
}
