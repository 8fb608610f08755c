package dev.wheelwork

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * Functions that a model may call, with the code that runs. [Chat.ask] and [Chat.answer] take one and go on until the model
 * answers without a call.
 *
 * ```kotlin
 * val tools = Toolbox {
 *     tool("add", "Adds two numbers.", """{"type": "object", …}""") { arguments -> add(arguments) }
 * }
 * ```
 *
 * With kotlinx.serialization, the artefact `wheelwork-serialization` takes the schema from a class and gives the arguments as
 * an object of it. May be used by any number of conversations, from any thread.
 */
public class Toolbox(configure: Builder.() -> Unit) {
    private val entries: Map<String, Entry>

    /** In how many turns of one question tools are offered; then an answer has to come without. */
    public val rounds: Int

    init {
        val builder = Builder().apply(configure)
        require(builder.rounds >= 0) { "rounds is ${builder.rounds}, expected 0 or more" }
        entries = builder.entries.toMap()
        rounds = builder.rounds
    }

    /** What the model is told of. */
    public val tools: List<Tool> get() = entries.values.map { it.tool }

    /**
     * The result of a call, for the model. A call of a tool that is not here is told to the model as a result. Suspends as long
     * as the tool does; throws what the tool throws, other than [ToolArgumentsException], which the model is told.
     */
    public suspend fun run(call: Event.ToolCall): String {
        val entry = entries[call.name] ?: return "There is no tool `${call.name}`."
        return try {
            entry.run(call.arguments)
        } catch (wrong: ToolArgumentsException) {
            "The arguments are wrong: ${wrong.message}"
        }
    }

    internal class Entry(val tool: Tool, val run: suspend (String) -> String)

    /** What the block of a [Toolbox] sets. */
    @WheelworkDsl
    public class Builder internal constructor() {
        internal val entries: MutableMap<String, Entry> = LinkedHashMap()

        /** In how many turns of one question tools are offered; then an answer has to come without. */
        public var rounds: Int = 8

        /**
         * A function that the model may call. Two of one name are an [IllegalArgumentException].
         *
         * @param parameters a JSON schema of an object, as text: the arguments.
         * @param run gets the arguments as JSON text and gives the result for the model, as text; called in the collector's
         *   coroutine.
         */
        public fun tool(
            name: String,
            description: String,
            parameters: String,
            run: suspend (arguments: String) -> String,
        ) {
            require(name !in entries) { "two tools have the name `$name`" }
            entries[name] = Entry(Tool(name, description, parameters), run)
        }
    }
}

/** What a tool throws where its arguments make no sense: the model is told and may call it again. */
public class ToolArgumentsException @JvmOverloads constructor(message: String, cause: Throwable? = null) :
    Exception(message, cause)

/**
 * As [Chat.ask], with tools: each call is run and its result given to the model, which then goes on. The events of all turns
 * come in one flow, each turn from [Event.Started] to [Event.Finished]; the last [Event.Finished] is the end.
 */
public fun Chat.ask(text: String, toolbox: Toolbox, configure: TurnOptions.() -> Unit = {}): Flow<Event> = flow {
    var round = 0
    var turn = ask(text) { offer(toolbox, round, configure) }
    while (true) {
        val calls = mutableListOf<Event.ToolCall>()
        var reason: FinishReason? = null
        turn.collect { event ->
            if (event is Event.ToolCall) calls.add(event)
            if (event is Event.Finished) reason = event.reason
            emit(event)
        }
        if (calls.isEmpty() || reason == FinishReason.CANCELLED || reason == FinishReason.SUSPENDED) break
        for (call in calls) push(Message.tool(toolbox.run(call), call.name))
        round += 1
        turn = respond { offer(toolbox, round, configure) }
    }
}

/** As [Chat.answer], with tools: the answer after the last call. [Answer.toolCalls] has the calls of all turns. */
public suspend fun Chat.answer(text: String, toolbox: Toolbox, configure: TurnOptions.() -> Unit = {}): Answer =
    ask(text, toolbox, configure).lastAnswer()

/** What the last of several turns said, with the calls of all. */
internal suspend fun Flow<Event>.lastAnswer(): Answer {
    var state = TurnState.Waiting
    val calls = mutableListOf<Event.ToolCall>()
    collect { event ->
        if (event is Event.Started) state = TurnState.Waiting
        if (event is Event.ToolCall) calls.add(event)
        state += event
    }
    return state.whole().copy(toolCalls = calls)
}

private fun TurnOptions.offer(toolbox: Toolbox, round: Int, configure: TurnOptions.() -> Unit) {
    configure()
    if (round < toolbox.rounds) tools += toolbox.tools
    // Who must call a tool has called one.
    if (round > 0 || tools.isEmpty()) toolChoice = ToolChoice.AUTO
}
