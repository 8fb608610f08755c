/// Events as the command prints them with `--json`: `{"event": "AnswerDelta", "text": "734"}`.
extension Event: Codable {
    private enum Keys: String, CodingKey {
        case event, messages, tokens, text, cause, to, period, placement, pace, fault
        case elapsed = "elapsed_ms"
    }

    private enum Name: String, Codable {
        case started = "Started"
        case turnsDropped = "TurnsDropped"
        case reasoningDelta = "ReasoningDelta"
        case reasoningEnded = "ReasoningEnded"
        case answerWasReasoning = "AnswerWasReasoning"
        case temperatureRaised = "TemperatureRaised"
        case deviceChanged = "DeviceChanged"
        case paceChanged = "PaceChanged"
        case answerDelta = "AnswerDelta"
        case toolCall = "ToolCall"
        case toolCallRejected = "ToolCallRejected"
        case finished = "Finished"
    }

    private var name: Name {
        switch self {
        case .started: .started
        case .turnsDropped: .turnsDropped
        case .reasoningDelta: .reasoningDelta
        case .reasoningEnded: .reasoningEnded
        case .answerWasReasoning: .answerWasReasoning
        case .temperatureRaised: .temperatureRaised
        case .deviceChanged: .deviceChanged
        case .paceChanged: .paceChanged
        case .answerDelta: .answerDelta
        case .toolCall: .toolCall
        case .toolCallRejected: .toolCallRejected
        case .finished: .finished
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(name, forKey: .event)
        switch self {
        case .started(let started): try started.encode(to: encoder)
        case .turnsDropped(let messages, let tokens):
            try fields.encode(messages, forKey: .messages)
            try fields.encode(tokens, forKey: .tokens)
        case .reasoningDelta(let text), .answerDelta(let text): try fields.encode(text, forKey: .text)
        case .reasoningEnded(let tokens, let elapsed, let cause):
            try fields.encode(tokens, forKey: .tokens)
            try fields.encode(elapsed.milliseconds, forKey: .elapsed)
            try fields.encode(cause, forKey: .cause)
        case .answerWasReasoning(let tokens, let elapsed):
            try fields.encode(tokens, forKey: .tokens)
            try fields.encode(elapsed.milliseconds, forKey: .elapsed)
        case .temperatureRaised(let to, let period):
            try fields.encode(to, forKey: .to)
            try fields.encode(period, forKey: .period)
        case .deviceChanged(let placement): try fields.encode(placement, forKey: .placement)
        case .paceChanged(let pace): try fields.encode(pace, forKey: .pace)
        case .toolCall(let request): try request.encode(to: encoder)
        case .toolCallRejected(let fault): try fields.encode(fault, forKey: .fault)
        case .finished(let finished): try finished.encode(to: encoder)
        }
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        func tokens() throws -> Int { try fields.decode(Int.self, forKey: .tokens) }
        func elapsed() throws -> Duration { Duration(milliseconds: try fields.decode(Double.self, forKey: .elapsed)) }
        func text() throws -> String { try fields.decode(String.self, forKey: .text) }
        switch try fields.decode(Name.self, forKey: .event) {
        case .started: self = .started(try Started(from: decoder))
        case .turnsDropped:
            self = .turnsDropped(messages: try fields.decode(Int.self, forKey: .messages), tokens: try tokens())
        case .reasoningDelta: self = .reasoningDelta(text: try text())
        case .reasoningEnded:
            let cause = try fields.decode(ReasoningEnd.self, forKey: .cause)
            self = .reasoningEnded(tokens: try tokens(), elapsed: try elapsed(), cause: cause)
        case .answerWasReasoning: self = .answerWasReasoning(tokens: try tokens(), elapsed: try elapsed())
        case .temperatureRaised:
            let period = try fields.decode(Int.self, forKey: .period)
            self = .temperatureRaised(to: try fields.decode(Float.self, forKey: .to), period: period)
        case .deviceChanged: self = .deviceChanged(try fields.decode(Placement.self, forKey: .placement))
        case .paceChanged: self = .paceChanged(try fields.decode(Pace.self, forKey: .pace))
        case .answerDelta: self = .answerDelta(text: try text())
        case .toolCall: self = .toolCall(try ToolRequest(from: decoder))
        case .toolCallRejected: self = .toolCallRejected(try fields.decode(ToolFault.self, forKey: .fault))
        case .finished: self = .finished(try Finished(from: decoder))
        }
    }
}

extension Timings: Codable {
    private enum Keys: String, CodingKey {
        case prefill = "prefill_ms"
        case firstToken = "first_token_ms"
        case decode = "decode_ms"
        case total = "total_ms"
        case prefillRate = "prefill_tokens_per_s"
        case decodeRate = "decode_tokens_per_s"
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(prefill.milliseconds, forKey: .prefill)
        try fields.encode(firstToken.milliseconds, forKey: .firstToken)
        try fields.encode(decode.milliseconds, forKey: .decode)
        try fields.encode(total.milliseconds, forKey: .total)
        try fields.encode(prefillTokensPerSecond, forKey: .prefillRate)
        try fields.encode(decodeTokensPerSecond, forKey: .decodeRate)
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        func number(_ key: Keys) throws -> Double { try fields.decode(Double.self, forKey: key) }
        self.init(
            prefill: Duration(milliseconds: try number(.prefill)),
            firstToken: Duration(milliseconds: try number(.firstToken)),
            decode: Duration(milliseconds: try number(.decode)),
            total: Duration(milliseconds: try number(.total)),
            prefillTokensPerSecond: try number(.prefillRate),
            decodeTokensPerSecond: try number(.decodeRate))
    }
}
