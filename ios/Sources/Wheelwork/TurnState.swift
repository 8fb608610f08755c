/// All of a turn so far: what a screen shows.
public struct TurnState: Sendable, Hashable {
    /// What a turn is at.
    public enum Phase: Int, Sendable, Comparable, CaseIterable {
        /// Nothing came yet.
        case waiting
        /// The prompt is computed, or the model has not said anything yet.
        case reading
        /// The model reasons.
        case reasoning
        /// The model answers.
        case answering
        /// It is over: see ``TurnState/finished``.
        case finished
        /// It failed: see ``TurnState/failure``.
        case failed

        public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    /// What the turn is at.
    public private(set) var phase = Phase.waiting
    /// The reasoning so far.
    public private(set) var reasoning = ""
    /// The answer so far.
    public private(set) var answer = ""
    /// The calls of tools so far.
    public private(set) var toolCalls: [Event.ToolRequest] = []
    /// Where the model runs; nil before ``Event/started(_:)``.
    public private(set) var placement: Placement?
    /// How fast the engine computes, as far as this turn was told.
    public private(set) var pace = Pace.full
    /// Messages that the context had no room for any more.
    public private(set) var droppedMessages = 0
    /// The turn's last event; nil before it.
    public private(set) var finished: Event.Finished?
    /// What ended the turn instead; nil where nothing did.
    public private(set) var failure: WheelworkError?

    public init() {}

    /// One more event.
    public mutating func add(_ event: Event) {
        switch event {
        case .started(let started):
            phase = .reading
            placement = started.placement
        case .turnsDropped(let messages, _): droppedMessages += messages
        case .reasoningDelta(let text):
            phase = .reasoning
            reasoning += text
        case .reasoningEnded: phase = .answering
        case .answerWasReasoning:
            reasoning += answer
            answer = ""
        case .temperatureRaised, .toolCallRejected: break
        case .deviceChanged(let placement): self.placement = placement
        case .paceChanged(let pace): self.pace = pace
        case .answerDelta(let text):
            phase = .answering
            answer += text
        case .toolCall(let request):
            phase = .answering
            toolCalls.append(request)
        case .finished(let finished):
            phase = .finished
            self.finished = finished
        }
    }

    /// The turn failed.
    public mutating func fail(_ failure: WheelworkError) {
        phase = .failed
        self.failure = failure
    }
}
