package dev.wheelwork.serialization

import dev.wheelwork.Answer
import dev.wheelwork.Chat
import dev.wheelwork.Output
import dev.wheelwork.ToolArgumentsException
import dev.wheelwork.Toolbox
import dev.wheelwork.TurnOptions
import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer

/**
 * A function that the model may call, with typed arguments.
 *
 * ```kotlin
 * @Serializable class Sum(@Describe("the first number") val a: Int, val b: Int)
 *
 * val tools = Toolbox {
 *     tool<Sum>("add", "Adds two numbers.") { "${it.a + it.b}" }
 * }
 * ```
 *
 * Arguments that are none of [A] are told to the model, which may call again. Errors: [IllegalArgumentException] for a class
 * that has no schema ([jsonSchema]).
 *
 * @param run gives the result for the model, as text; called in the collector's coroutine.
 */
public inline fun <reified A> Toolbox.Builder.tool(
    name: String,
    description: String,
    json: Json = Json,
    noinline run: suspend (A) -> String,
) {
    tool(name, description, serializer<A>(), json, run)
}

/** As the one without a serializer, for types that have one of their own. */
public fun <A> Toolbox.Builder.tool(
    name: String,
    description: String,
    serializer: KSerializer<A>,
    json: Json = Json,
    run: suspend (A) -> String,
) {
    tool(name, description, jsonSchema(serializer.descriptor).toString()) { arguments ->
        run(decode(json, serializer, arguments))
    }
}

/** The form of JSON that [T] is read from. Errors: [IllegalArgumentException] for a class that has no schema. */
public inline fun <reified T> jsonOutput(): Output = Output.JsonSchema(jsonSchema(serializer<T>().descriptor).toString())

/**
 * As [Chat.answer], with the answer as an object. Errors besides those: [SerializationException] where the turn ended before
 * the answer was whole, and [IllegalArgumentException] for a class that has no schema.
 */
public suspend inline fun <reified T> Chat.answerAs(
    text: String,
    json: Json = Json,
    noinline configure: TurnOptions.() -> Unit = {},
): T {
    val form = jsonOutput<T>()
    val answer = answer(text) {
        configure()
        output = form
    }
    return answer.decode(json)
}

/** The text of an answer as an object. Error: [SerializationException] where it is none. */
public inline fun <reified T> Answer.decode(json: Json = Json): T = json.decodeFromString(serializer<T>(), text)

private fun <A> decode(json: Json, serializer: DeserializationStrategy<A>, arguments: String): A =
    try {
        json.decodeFromString(serializer, arguments)
    } catch (wrong: SerializationException) {
        throw ToolArgumentsException(wrong.message?.lineSequence()?.firstOrNull().orEmpty(), wrong)
    } catch (wrong: IllegalArgumentException) {
        // What a class says of its own fields.
        throw ToolArgumentsException(wrong.message.orEmpty(), wrong)
    }
