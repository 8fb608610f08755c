/// How one turn is generated. The defaults take the model authors' advice.
///
/// What the model refuses, and a negative number, is a ``WheelworkError`` of the turn.
public struct Options: Sendable, Equatable {
    /// The most tokens to generate, reasoning included; nil, to the context's end.
    public var maxTokens: Int?
    /// How a token is picked.
    public var sampling = Sampling.model
    /// The form that the answer must have.
    public var output = OutputForm.free
    /// Functions that the model may call.
    public var tools: [FunctionTool] = []
    /// Whether it must call one.
    public var mustCallTool = false
    /// Texts that end the answer; they are not part of it.
    public var stop: [String] = []
    /// How much the model may reason.
    public var think = Think.auto
    /// Whether the runtime opens the reasoning where the template leaves that to the model.
    public var opensReasoning = true
    /// What the runtime ends reasoning with before the closing tag; nil, the package's phrase; an empty text is none.
    public var closing: String?
    /// Reasoning ends while at least this many tokens are left for the answer; 0 lets reasoning take all of them.
    public var answerReserve = 0
    /// What happens where the model repeats itself without end.
    public var onLoop = OnLoop.end
    /// What happens where the conversation no longer fits into the context.
    public var onContextFull = OnContextFull.refuse
    /// Whether tokens are computed ahead that stood in the conversation before.
    public var promptLookup = false
    /// How urgent the turn is; the higher one computes first.
    public var priority = Priority.interactive

    public init(_ configure: (inout Options) -> Void = { _ in }) {
        configure(&self)
    }
}

/// How a token is picked; nil is the model's own.
public struct Sampling: Sendable, Hashable {
    /// Divides the logits; 0 is greedy.
    public var temperature: Double?
    /// Keeps this many tokens; 0 keeps all.
    public var topK: Int?
    /// Keeps the fewest tokens that reach this probability.
    public var topP: Double?
    /// Keeps tokens with this share of the best one's probability.
    public var minP: Double?
    /// Makes tokens already seen less likely; 1 changes nothing.
    public var repetitionPenalty: Double?
    /// The same seed, prompt and machine give the same text; nil, one drawn from the system.
    public var seed: UInt64?

    public init(
        temperature: Double? = nil, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil,
        repetitionPenalty: Double? = nil, seed: UInt64? = nil
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.seed = seed
    }

    /// As the model's authors advise.
    public static let model = Sampling()
    /// Always the likeliest token, so that the same prompt gets the same text.
    public static let greedy = Sampling(temperature: 0)
}

/// How much the model may reason.
public enum Think: Sendable, Hashable {
    /// As much as it likes.
    case auto
    /// Not at all.
    case off
    /// Until the first limit is reached; then the runtime ends the reasoning, and the answer comes.
    case budget(tokens: Int? = nil, time: Duration? = nil)
}

/// The form that an answer must have; the reasoning is not touched.
public enum OutputForm: Sendable, Hashable {
    /// Any.
    case free
    /// JSON text that a schema describes (draft 2020-12 and earlier), itself JSON text. Keywords that can't be held are an
    /// error.
    case jsonSchema(String)
    /// Text that a regular expression matches as a whole; in Rust's syntax, without anchors and look-around.
    case regex(String)
    /// Text of a grammar, in llguidance's dialect of Lark.
    case lark(String)
}

/// A function that the model may call.
public struct FunctionTool: Sendable, Hashable {
    /// Letters, digits, `_`, `-` and `.`.
    public var name: String
    /// What it does and when to call it, for the model.
    public var description: String
    /// A JSON schema of an object, as text: the arguments.
    public var parameters: String

    public init(name: String, description: String, parameters: String) {
        self.name = name
        self.description = description
        self.parameters = parameters
    }
}

/// What happens where the model repeats itself without end.
public enum OnLoop: String, Sendable, CaseIterable {
    /// Ends the reasoning, so that an answer comes; a loop in the answer ends the turn.
    case end
    /// Ends the turn.
    case stop
    /// Raises the temperature, once in a turn.
    case warm
    /// Goes on.
    case ignore
}

/// What happens where the conversation no longer fits into the context.
public enum OnContextFull: Sendable, Hashable {
    /// The turn is refused with ``WheelworkError/Code/promptTooLong``.
    case refuse
    /// The oldest turns are dropped from the history; ``Event/turnsDropped(messages:tokens:)`` says so. `room` tokens must be
    /// free for reasoning and answer; nil, a quarter of the context.
    case dropOldest(room: Int? = nil)
}

/// How urgent a turn is.
public enum Priority: String, Sendable, CaseIterable {
    /// Nobody waits for it.
    case background
    /// Somebody will want it.
    case normal
    /// Somebody reads along.
    case interactive
}
