import Wheelwork

/// An entry of a session's transcript as a plain value: what an adapter reads out of Apple's types, and a test out of JSON.
public enum TranscriptPart: Sendable, Hashable {
    /// What the app says to the model.
    case instructions(String)
    /// What the person says.
    case prompt(String)
    /// What the model thought.
    case reasoning(String)
    /// What the model said.
    case response(String)
    /// Tools that the model called.
    case toolCalls([Call])
    /// What a tool gave.
    case toolOutput(id: String, name: String, text: String)

    /// A call of a tool.
    public struct Call: Sendable, Hashable, Codable {
        public let id: String
        public let name: String
        /// A JSON object, as text.
        public let arguments: String

        public init(id: String, name: String, arguments: String) {
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }
}

extension [TranscriptPart] {
    /// The same as messages of a conversation.
    ///
    /// What the model said between two others is one message. Its reasoning is left out: templates of reasoning models leave it
    /// out of earlier turns, and a conversation that goes on has its own.
    public var messages: [ChatMessage] {
        var messages: [ChatMessage] = []
        var said: String?
        var calls: [ChatMessage.Call] = []
        func end() {
            if said != nil || !calls.isEmpty { messages.append(.assistant(said, calling: calls)) }
            (said, calls) = (nil, [])
        }
        for part in self {
            switch part {
            case .instructions(let text):
                end()
                if !text.isEmpty { messages.append(.system(text)) }
            case .prompt(let text):
                end()
                messages.append(.user(text))
            case .reasoning: break
            case .response(let text): said = (said ?? "") + text
            case .toolCalls(let asked):
                calls += asked.map { .init(name: $0.name, arguments: $0.arguments, id: $0.id) }
            case .toolOutput(let id, let name, let text):
                end()
                messages.append(.tool(text, name: name, callId: id))
            }
        }
        end()
        return messages
    }
}

/// How a conversation that is held already comes to what a transcript says.
public enum Continuation: Sendable, Hashable {
    /// It begins as the transcript does: these messages are added to it, and its cache is used.
    case add([ChatMessage])
    /// It says something else: another one is begun.
    case beginAnew

    public init(held: [ChatMessage], wanted: [ChatMessage]) {
        let begins = held.count <= wanted.count && zip(held, wanted).allSatisfy(Self.saysTheSame)
        self = begins ? .add(Array(wanted.dropFirst(held.count))) : .beginAnew
    }

    /// Byte for byte, but for reasoning, which transcripts may leave out, and ids of calls, which models do not give.
    private static func saysTheSame(_ held: ChatMessage, _ wanted: ChatMessage) -> Bool {
        held.role == wanted.role && held.answer.utf8.elementsEqual(wanted.answer.utf8)
            && held.toolCalls.map(\.name) == wanted.toolCalls.map(\.name)
            && held.toolCalls.map(\.arguments) == wanted.toolCalls.map(\.arguments)
    }
}

extension TranscriptPart: Codable {
    private enum Keys: String, CodingKey {
        case kind, text, calls, id, name
    }

    private enum Kind: String, Codable {
        case instructions, prompt, reasoning, response, toolCalls, toolOutput
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        func text() throws -> String { try fields.decode(String.self, forKey: .text) }
        switch try fields.decode(Kind.self, forKey: .kind) {
        case .instructions: self = .instructions(try text())
        case .prompt: self = .prompt(try text())
        case .reasoning: self = .reasoning(try text())
        case .response: self = .response(try text())
        case .toolCalls: self = .toolCalls(try fields.decode([Call].self, forKey: .calls))
        case .toolOutput:
            let (id, name) = (try fields.decode(String.self, forKey: .id), try fields.decode(String.self, forKey: .name))
            self = .toolOutput(id: id, name: name, text: try text())
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        func tell(_ kind: Kind, _ text: String) throws {
            try fields.encode(kind, forKey: .kind)
            try fields.encode(text, forKey: .text)
        }
        switch self {
        case .instructions(let text): try tell(.instructions, text)
        case .prompt(let text): try tell(.prompt, text)
        case .reasoning(let text): try tell(.reasoning, text)
        case .response(let text): try tell(.response, text)
        case .toolCalls(let calls):
            try fields.encode(Kind.toolCalls, forKey: .kind)
            try fields.encode(calls, forKey: .calls)
        case .toolOutput(let id, let name, let text):
            try tell(.toolOutput, text)
            try fields.encode(id, forKey: .id)
            try fields.encode(name, forKey: .name)
        }
    }
}
