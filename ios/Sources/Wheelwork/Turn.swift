internal import WheelworkFFI

/// A turn, as a sequence of its events.
///
/// It begins when its first event is asked for and computes what is asked for: a loop that takes its time holds it up.
/// Breaking out of the loop ends the turn within a token, unless it was paused. So does cancelling the task; the loop then
/// still gets the last events, ``Event/finished(_:)`` with ``FinishReason/cancelled`` among them. A turn has one reader: a
/// second one gets ``WheelworkError/Code/busy``.
public struct Turn: AsyncSequence, Sendable {
    public typealias Element = Event
    public typealias Failure = WheelworkError

    private let begin: @Sendable () throws -> TurnHandle
    /// The shortest time from one look to the next: half of what a screen shows a picture for. To be woken for each token
    /// would take more from a fast model than its reader gains.
    var betweenLooks = Duration.milliseconds(8)
    private let isTaken = Locked(false)

    init(_ begin: @escaping @Sendable () throws -> TurnHandle) {
        self.begin = begin
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(reader: isTaken.set() ? Reader(begin, betweenLooks) : nil)
    }

    /// Reads a turn; when it goes away, the turn is cancelled.
    public struct Iterator: AsyncIteratorProtocol {
        /// Nil for a second one.
        fileprivate let reader: Reader?

        public mutating func next() async throws(WheelworkError) -> Event? {
            guard let reader else { throw .secondReader }
            return try await reader.next(isolation: nil)
        }

        @available(iOS 18, macOS 15, tvOS 18, watchOS 11, visionOS 2, *)
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(WheelworkError) -> Event? {
            guard let reader else { throw .secondReader }
            return try await reader.next(isolation: actor)
        }
    }
}

/// The one reader of a turn.
private final class Reader {
    /// Events that one look takes at most: they are computed ahead of the reader, beside those that wait in the engine.
    private static let together: UInt32 = 32

    private let begin: @Sendable () throws -> TurnHandle
    private let betweenLooks: Duration
    private var handle: TurnHandle?
    private var isOver = false
    /// Events that were looked at and not taken yet, the next one last.
    private var waiting: [WheelworkFFI.Event] = []
    private var nextLook = ContinuousClock.now

    init(_ begin: @escaping @Sendable () throws -> TurnHandle, _ betweenLooks: Duration) {
        self.begin = begin
        self.betweenLooks = betweenLooks
    }

    deinit {
        handle?.leave()
    }

    func next(isolation actor: isolated (any Actor)?) async throws(WheelworkError) -> Event? {
        if isOver { return nil }
        do {
            let handle = try await begun(isolation: actor)
            if Task.isCancelled { handle.leave() }
            if let event = waiting.popLast() { return Event(event) }
            try await gather(from: handle, isolation: actor)
            if let event = try look(at: handle) { return Event(event) }
            let event = try await withTaskCancellationHandler(
                operation: { try await handle.next() }, onCancel: { handle.leave() }, isolation: actor)
            isOver = event == nil
            return event.map { Event($0) }
        } catch {
            isOver = true
            throw WheelworkError(error)
        }
    }

    private func begun(isolation actor: isolated (any Actor)?) async throws -> TurnHandle {
        if let handle { return handle }
        let begun = try await blocking(begin)
        handle = begun
        return begun
    }

    /// Waits for the next look, and no longer than until many events wait or the last one does. What is computed goes on
    /// meanwhile.
    private func gather(from handle: TurnHandle, isolation actor: isolated (any Actor)?) async throws {
        guard ContinuousClock.now < nextLook else { return }
        // UniFFI carries no cancel across, so that the time that is up is told to Rust.
        let clock = Task { [nextLook] in
            guard (try? await Task.sleep(until: nextLook, clock: .continuous)) != nil else { return }
            handle.stopGathering()
        }
        defer { clock.cancel() }
        try await withTaskCancellationHandler(
            operation: { try await handle.gathered(events: Self.together) }, onCancel: { handle.leave() },
            isolation: actor)
    }

    /// The first of the events that wait.
    private func look(at handle: TurnHandle) throws -> WheelworkFFI.Event? {
        let look = ContinuousClock.now
        let events = try handle.waiting(most: Self.together)
        nextLook = events.count < Self.together ? look.advanced(by: betweenLooks) : look
        waiting = events.dropFirst().reversed()
        return events.first
    }
}

/// What a turn said, as a whole.
public struct Answer: Sendable, Hashable {
    /// The answer.
    public let text: String
    /// What stands before the answer; empty where the model did not reason.
    public let reasoning: String
    /// The calls of tools, in their order.
    public let toolCalls: [Event.ToolRequest]
    /// Why the turn ended: anything but ``FinishReason/stop`` may have cut the answer.
    public let finishReason: FinishReason
    /// Tokens by kind.
    public let usage: Usage
    /// Durations and rates.
    public let timings: Timings
    /// Where the model ran at the end.
    public let placement: Placement
}

extension Turn {
    /// Reads the turn to its end and gives what it said.
    public func answer() async throws(WheelworkError) -> Answer {
        var state = TurnState()
        var events = makeAsyncIterator()
        while let event = try await events.next() { state.add(event) }
        return try state.whole()
    }
}

extension TurnState {
    /// What a turn that is over said; with other calls where those of earlier turns belong to it.
    func whole(calls: [Event.ToolRequest]? = nil) throws(WheelworkError) -> Answer {
        guard let finished, let placement else {
            throw WheelworkError(
                kind: .bug, code: .panicked, remedy: "report this", remedyKind: "report", place: nil,
                reason: "the turn ended without an end")
        }
        return Answer(
            text: answer, reasoning: reasoning, toolCalls: calls ?? toolCalls, finishReason: finished.reason,
            usage: finished.usage, timings: finished.timings, placement: placement)
    }
}
