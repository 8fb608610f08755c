package dev.wheelwork

import dev.wheelwork.serialization.Describe
import dev.wheelwork.serialization.answerAs
import dev.wheelwork.serialization.jsonSchema
import dev.wheelwork.serialization.tool
import kotlinx.coroutines.flow.toList
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Tools that are run, and answers that are objects. */
class ToolboxTest {
    @Serializable
    private enum class Scale { MILE, KILOMETRE }

    @Serializable
    private class Distance(
        @Describe("how far") val far: Int,
        val unit: Scale = Scale.KILOMETRE,
        val via: List<String> = emptyList(),
        val notes: Map<String, Double?> = emptyMap(),
    )

    @Serializable
    private class Digit(val n: Int) {
        init {
            require(n in 0..9) { "n is $n, expected a digit" }
        }
    }

    @Serializable
    private class Sum(val sum: Int)

    @Serializable
    private class Tree(val children: List<Tree>)

    @Test
    fun a_schema_says_what_the_class_holds() {
        val expected = """{"type":"object","properties":{
            "far":{"type":"integer","description":"how far"},
            "unit":{"enum":["MILE","KILOMETRE"]},
            "via":{"type":"array","items":{"type":"string"}},
            "notes":{"type":"object","additionalProperties":{"anyOf":[{"type":"number"},{"type":"null"}]}}},
            "required":["far"],"additionalProperties":false}"""
        assertEquals(Json.parseToJsonElement(expected), jsonSchema(serializer<Distance>().descriptor))
    }

    @Test
    fun a_class_that_no_schema_describes_is_refused_by_name() {
        val failure = assertThrows(IllegalArgumentException::class.java) {
            jsonSchema(serializer<Tree>().descriptor)
        }
        assertTrue(failure.message!!.contains("Tree"), failure.message)
        assertThrows(IllegalArgumentException::class.java) { jsonSchema(serializer<Map<Double, Int>>().descriptor) }
    }

    @Test
    fun a_tool_gets_an_object_and_its_result_goes_back_to_the_model() = withChat { _, chat ->
        val seen = mutableListOf<Int>()
        val tools = Toolbox {
            rounds = 1
            tool<Digit>("count", "Counts to a digit.") {
                seen.add(it.n)
                "counted"
            }
        }
        val events = chat.ask(QUESTION, tools) {
            sampling = Sampling.Greedy
            toolChoice = ToolChoice.REQUIRED
            think = Think.Off
            maxTokens = 400
        }.toList()
        val calls = events.filterIsInstance<Event.ToolCall>()
        assertTrue(calls.isNotEmpty() && calls.all { it.known && it.name == "count" })
        assertEquals(calls.size, chat.messages().count { it.role == Role.TOOL })
        assertEquals(2, events.count { it is Event.Finished }, "a turn with the calls, one with the answer")
        // What is no digit went back as a fault, and not to the tool.
        assertTrue(seen.all { it in 0..9 })
    }

    @Test
    fun arguments_that_are_wrong_are_told_to_the_model_and_other_failures_to_the_caller() = withChat { _, _ ->
        val tools = Toolbox {
            tool<Digit>("digit", "Takes a digit.") { "got ${it.n}" }
            tool("broken", "Fails.", "{}") { error("no network") }
        }
        fun call(name: String, arguments: String) = Event.ToolCall(0, name, arguments, true)
        assertEquals("got 7", tools.run(call("digit", """{"n": 7}""")))
        assertTrue(tools.run(call("digit", """{"n": 70}""")).contains("n is 70, expected a digit"))
        assertTrue(tools.run(call("digit", """{"m": 7}""")).contains("arguments are wrong"))
        assertTrue(tools.run(call("other", "{}")).contains("no tool `other`"))
        failure(IllegalStateException::class) { tools.run(call("broken", "{}")) }
        assertThrows(IllegalArgumentException::class.java) {
            Toolbox { repeat(2) { tool("same", "", "{}") { "" } } }
        }
    }

    @Test
    fun an_answer_can_be_an_object() = withChat { _, chat ->
        val sum: Sum = chat.answerAs(QUESTION, configure = GREEDY)
        assertTrue(chat.messages().last().text.contains("${sum.sum}"))
    }
}
