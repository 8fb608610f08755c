#if canImport(Observation)
    import Observation

    /// A turn for a view: ``state`` grows while ``run(_:)`` reads.
    ///
    /// ```swift
    /// @State private var turn = TurnModel()
    /// ...
    /// Text(turn.state.answer).task { await turn.run(chat.ask(question)) }
    /// ```
    @available(iOS 17, macOS 14, tvOS 17, watchOS 10, visionOS 1, *)
    @MainActor @Observable
    public final class TurnModel {
        /// All of the turn so far.
        public private(set) var state = TurnState()

        public init() {}

        /// Reads a turn to its end; a failure is a state, too. Cancelling the task ends the turn within a token.
        public func run(_ turn: Turn) async {
            state = TurnState()
            var events = turn.makeAsyncIterator()
            do {
                while let event = try await events.next() { state.add(event) }
            } catch {
                state.fail(error)
            }
        }
    }
#endif
