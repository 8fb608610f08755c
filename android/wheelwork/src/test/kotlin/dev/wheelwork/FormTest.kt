package dev.wheelwork

import kotlinx.coroutines.flow.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Answers that are held to a form, and tools. */
class FormTest {
    @Test
    fun an_answer_is_json_of_its_schema_and_the_reasoning_is_free() = withChat { _, chat ->
        val schema = """{"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"],
            "additionalProperties": false}"""
        val events = chat.ask(QUESTION) {
            sampling = Sampling.Greedy
            output = Output.JsonSchema(schema)
        }.toList()
        assertEquals(FinishReason.STOP, events.finished().reason)
        assertTrue(events.reasoning().isNotBlank())
        assertTrue(Regex("""\s*\{\s*"sum"\s*:\s*-?\d+\s*}\s*""").matches(events.answer()), events.answer())
    }

    @Test
    fun an_answer_matches_its_expression() = withChat { _, chat ->
        val answer = chat.answer(QUESTION) {
            sampling = Sampling.Greedy
            output = Output.Regex("(yes|no)")
        }
        assertTrue(answer.text in setOf("yes", "no"))
    }

    @Test
    fun a_schema_that_is_none_is_refused_and_the_conversation_stands() = withChat { _, chat ->
        for ((form, code) in listOf(
            Output.JsonSchema("{") to ErrorCode.OUTPUT_NOT_JSON,
            Output.JsonSchema("7") to ErrorCode.OUTPUT_INVALID,
            Output.Lark("begin: \"a\"") to ErrorCode.OUTPUT_INVALID,
        )) {
            val failure = failure(WheelworkException.Retry::class) { chat.answer(QUESTION) { output = form } }
            assertEquals(code, failure.code)
        }
        assertEquals(emptyList<Message>(), chat.messages())
    }

    @Test
    fun a_tool_that_must_be_called_is_called_with_arguments_of_its_schema() = withChat { _, chat ->
        val parameters = """{"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
            "required": ["n"], "additionalProperties": false}"""
        val tool = Tool("count", "Counts to a digit.", parameters)
        val events = chat.ask(QUESTION) {
            sampling = Sampling.Greedy
            tools = listOf(tool)
            toolChoice = ToolChoice.REQUIRED
            maxTokens = 400
            think = Think.Off
        }.toList()
        val call = events.filterIsInstance<Event.ToolCall>().first()
        assertEquals("count" to true, call.name to call.known)
        assertTrue(Regex("""\{\s*"n"\s*:\s*\d\s*}""").matches(call.arguments), call.arguments)
        chat.push(Message.tool("9"))
        assertTrue(chat.respond { maxTokens = 8 }.toList().last() is Event.Finished)
    }

    @Test
    fun a_call_without_tools_is_refused() = withChat { _, chat ->
        val failure = failure(WheelworkException.Retry::class) {
            chat.answer(QUESTION) { toolChoice = ToolChoice.REQUIRED }
        }
        assertEquals(ErrorCode.TOOLS_NOTHING_TO_CALL, failure.code)
    }
}
