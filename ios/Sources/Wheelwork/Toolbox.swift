/// Functions that a model may call, with the code that runs. ``Chat/ask(_:using:_:)`` goes on until the model answers without a
/// call.
///
/// ```swift
/// let tools = Toolbox()
///     .with("add", "Adds two numbers.", parameters: schema) { arguments in try add(arguments) }
/// ```
public struct Toolbox: Sendable {
    /// What a function does: it gets the arguments as JSON text and gives the result for the model.
    public typealias Function = @Sendable (_ arguments: String) async throws -> String

    /// What the model is told of, in order.
    public private(set) var tools: [FunctionTool] = []
    private var functions: [String: Function] = [:]
    /// In how many turns of one question tools are offered; then an answer has to come without.
    public let rounds: Int

    public init(rounds: Int = 8) {
        precondition(rounds >= 0, "`rounds` is \(rounds), expected 0 or more")
        self.rounds = rounds
    }

    /// The same with one more function; of one name there is the last. `parameters` is a JSON schema of an object, as text.
    public func with(
        _ name: String, _ description: String, parameters: String, _ function: @escaping Function
    ) -> Toolbox {
        var toolbox = self
        toolbox.tools.removeAll { $0.name == name }
        toolbox.tools.append(FunctionTool(name: name, description: description, parameters: parameters))
        toolbox.functions[name] = function
        return toolbox
    }

    /// The result of a call, for the model: of a function that is not here, or whose arguments make no sense
    /// (``ToolArgumentsError``), it is told so.
    public func run(_ call: Event.ToolRequest) async throws -> String {
        guard let function = functions[call.name] else { return "There is no tool `\(call.name)`." }
        do {
            return try await function(call.arguments)
        } catch let wrong as ToolArgumentsError {
            return "The arguments are wrong: \(wrong.why)"
        }
    }
}

/// What a function throws where its arguments make no sense: the model is told and may call it again.
public struct ToolArgumentsError: Error, Sendable, Hashable {
    public let why: String
    public init(_ why: String) { self.why = why }
}

extension Chat {
    /// As ``ask(_:_:)``, with functions: each call is run and its result given to the model, which then goes on. `onEvent` is
    /// told all events of all turns; what is returned is the last answer, with the calls of all. What a function throws ends the
    /// question and arrives as it is.
    public func ask(
        _ text: String, using toolbox: Toolbox, _ options: Options = Options(),
        onEvent: @Sendable (Event) -> Void = { _ in }
    ) async throws -> Answer {
        var round = 0
        var calls: [Event.ToolRequest] = []
        var turn = ask(text, toolbox.offered(in: round, options))
        while true {
            var state = TurnState()
            var events = turn.makeAsyncIterator()
            while let event = try await events.next() {
                state.add(event)
                onEvent(event)
            }
            calls += state.toolCalls
            let reason = state.finished?.reason
            if state.toolCalls.isEmpty || reason == .cancelled || reason == .suspended {
                return try state.whole(calls: calls)
            }
            for call in state.toolCalls {
                try await push(.tool(try await toolbox.run(call), name: call.name))
            }
            round += 1
            turn = respond(toolbox.offered(in: round, options))
        }
    }
}

extension Toolbox {
    fileprivate func offered(in round: Int, _ options: Options) -> Options {
        var options = options
        if round < rounds { options.tools += tools }
        // Who must call a function has called one.
        if round > 0 || options.tools.isEmpty { options.mustCallTool = false }
        return options
    }
}
