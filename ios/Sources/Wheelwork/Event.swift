/// One event of a turn.
///
/// Order: one ``started(_:)``, then ``reasoningDelta(text:)``s and one ``reasoningEnded(tokens:elapsed:cause:)`` where the
/// model reasons, then ``answerDelta(text:)``s and ``toolCall(_:)``s, then one ``finished(_:)``; ``paceChanged(_:)`` and
/// ``deviceChanged(_:)`` may come anywhere in between. As JSON an event is what the command prints with `--json`.
public enum Event: Sendable, Hashable {
    /// The prompt is accepted; computing it starts now.
    case started(Started)
    /// The conversation no longer fitted: so many of its oldest messages are gone, and so many tokens of the prompt.
    case turnsDropped(messages: Int, tokens: Int)
    /// More reasoning; complete characters only.
    case reasoningDelta(text: String)
    /// The reasoning is over; what follows is the answer.
    case reasoningEnded(tokens: Int, elapsed: Duration, cause: ReasoningEnd)
    /// What came as answer so far was reasoning: the model closed it without having opened it. What follows is the answer,
    /// and no ``reasoningEnded(tokens:elapsed:cause:)`` comes.
    case answerWasReasoning(tokens: Int, elapsed: Duration)
    /// The model went round in circles and samples more freely from here on.
    case temperatureRaised(to: Float, period: Int)
    /// The turn goes on elsewhere, from the same tokens: nothing is repeated.
    case deviceChanged(Placement)
    /// The engine computes faster or slower from here on; see ``Engine/setConditions(_:)``.
    case paceChanged(Pace)
    /// More of the answer; complete characters only.
    case answerDelta(text: String)
    /// The model calls a tool: run it, add its result with ``Chat/push(_:)``, and have the model ``Chat/respond(_:)``.
    case toolCall(ToolRequest)
    /// What came last as answer looked like a tool call, and is none.
    case toolCallRejected(ToolFault)
    /// The end; nothing follows.
    case finished(Finished)

    /// How a turn begins.
    public struct Started: Sendable, Hashable, Codable {
        /// Where the model runs, and why not on a better device.
        public let placement: Placement
        /// Tokens of the prompt.
        public let promptTokens: Int
        /// Tokens of the prompt that stood in the cache already.
        public let reusedTokens: Int
        /// Of these, tokens that another conversation had computed.
        public let prefixTokens: Int
        /// Tokens of this turn that were generated before it was paused: their text follows at once.
        public let resumedTokens: Int
        /// How the reasoning begins.
        public let reasoning: ReasoningStart

        enum CodingKeys: String, CodingKey {
            case placement, reasoning
            case promptTokens = "prompt_tokens"
            case reusedTokens = "reused_tokens"
            case prefixTokens = "prefix_tokens"
            case resumedTokens = "resumed_tokens"
        }
    }

    /// A call of a tool that the model wants.
    public struct ToolRequest: Sendable, Hashable, Codable {
        /// Counts the calls of the turn, from 0.
        public let index: Int
        /// The function's name.
        public let name: String
        /// A JSON object; whether it follows the tool's schema is not looked at.
        public let arguments: String
        /// Whether a tool of this name was offered. Run no other.
        public let known: Bool
    }

    /// How a turn ended.
    public struct Finished: Sendable, Hashable, Codable {
        /// Why.
        public let reason: FinishReason
        /// Tokens by kind.
        public let usage: Usage
        /// Durations and rates.
        public let timings: Timings
        /// Every token that was generated or put in by the runtime, in order, stop token included.
        public let tokenIds: [Int]

        enum CodingKeys: String, CodingKey {
            case reason, usage, timings
            case tokenIds = "token_ids"
        }
    }
}

/// How the reasoning of a turn begins.
public enum ReasoningStart: String, Sendable, Codable, CaseIterable {
    /// Not at all: the model does not reason, and limits of reasoning change nothing.
    case noReasoning = "no_reasoning"
    /// The template opened it.
    case inPrompt = "in_prompt"
    /// The runtime opened it.
    case opened
    /// The model opens it, or does not.
    case leftToModel = "left_to_model"
    /// The caller asked for none.
    case skipped
}

/// Why reasoning ended.
public enum ReasoningEnd: String, Sendable, Codable, CaseIterable {
    /// The model closed it.
    case closed
    /// The budget was used up, or the rest was needed for the answer.
    case budget
    /// It repeated itself without end.
    case loop
    /// The caller asked for the answer.
    case answerNow = "answer_now"
    /// The caller asked for none.
    case skipped
}

/// Why a turn ended.
public enum FinishReason: String, Sendable, Codable, CaseIterable {
    /// A stop token or a stop text.
    case stop
    /// The caller's ``Options/maxTokens``.
    case length
    /// The model's context length.
    case contextFull = "context_full"
    /// The model repeated itself without end.
    case repetition
    /// The caller cancelled.
    case cancelled
    /// The caller paused it: ``Chat/resume(priority:)`` goes on.
    case suspended
}

/// Why something that looks like a tool call is none.
public enum ToolFault: String, Sendable, Codable, CaseIterable {
    /// It names no function.
    case noName = "no_name"
    /// It has no arguments.
    case noArguments = "no_arguments"
    /// Its arguments are not a JSON object.
    case notJSON = "not_json"
    /// It was not written to its end.
    case unfinished
}

/// Tokens of a turn by kind.
public struct Usage: Sendable, Hashable, Codable {
    /// Tokens of the prompt.
    public let promptTokens: Int
    /// Of these, tokens that stood in the cache already.
    public let reusedTokens: Int
    /// Tokens generated, all kinds together.
    public let completionTokens: Int
    /// Of these, reasoning.
    public let reasoningTokens: Int
    /// Tokens that were computed ahead.
    public let draftedTokens: Int
    /// Of these, tokens that came true.
    public let acceptedTokens: Int

    enum CodingKeys: String, CodingKey {
        case promptTokens = "prompt_tokens"
        case reusedTokens = "reused_tokens"
        case completionTokens = "completion_tokens"
        case reasoningTokens = "reasoning_tokens"
        case draftedTokens = "drafted_tokens"
        case acceptedTokens = "accepted_tokens"
    }
}

/// Durations and rates of a turn.
public struct Timings: Sendable, Hashable {
    /// Computing the part of the prompt that was not in the cache.
    public let prefill: Duration
    /// From the call to the first token.
    public let firstToken: Duration
    /// From the first token to the last.
    public let decode: Duration
    /// From the call to the end.
    public let total: Duration
    /// New prompt tokens per second; 0 where there were none.
    public let prefillTokensPerSecond: Double
    /// Tokens after the first per second; 0 for fewer than two tokens.
    public let decodeTokensPerSecond: Double
}
