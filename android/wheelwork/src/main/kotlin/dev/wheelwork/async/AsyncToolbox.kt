package dev.wheelwork.async

import dev.wheelwork.Tool
import dev.wheelwork.Toolbox
import dev.wheelwork.ToolArgumentsException
import java.util.concurrent.CompletionStage
import java.util.function.Consumer
import kotlinx.coroutines.future.await

/**
 * [Toolbox] for Java: functions that a model may call. [AsyncChat.ask] and [AsyncChat.answer] take one and go on until the model
 * answers without a call.
 *
 * ```java
 * var tools = new AsyncToolbox(box -> box.tool("add", "Adds two numbers.", schema, arguments -> add(arguments)));
 * ```
 *
 * May be used by any number of conversations, from any thread.
 */
public class AsyncToolbox(configure: Consumer<Builder>) {
    internal val toolbox: Toolbox = Toolbox { configure.accept(Builder(this)) }

    /** What the model is told of. */
    public val tools: List<Tool> get() = toolbox.tools

    /** What the block of an [AsyncToolbox] sets. */
    public class Builder internal constructor(private val builder: Toolbox.Builder) {
        /** In how many turns of one question tools are offered; then an answer has to come without. */
        public var rounds: Int
            get() = builder.rounds
            set(value) {
                builder.rounds = value
            }

        /**
         * A function that the model may call. Two of one name are an [IllegalArgumentException].
         *
         * @param parameters a JSON schema of an object, as text: the arguments.
         * @param function called on a thread of the coroutines' default pool, which it must not block. What its stage fails with
         *   ends the question, but for a [ToolArgumentsException], which the model is told.
         */
        public fun tool(name: String, description: String, parameters: String, function: ToolFunction) {
            builder.tool(name, description, parameters) { arguments -> function.call(arguments).await() }
        }
    }
}

/** What a tool does. */
public fun interface ToolFunction {
    /** Gets the arguments as JSON text; the stage ends with the result for the model, as text. */
    public fun call(arguments: String): CompletionStage<String>
}
