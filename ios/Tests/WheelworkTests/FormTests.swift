import Foundation
import Testing

@testable import Wheelwork

/// Answers that are held to a form, and functions that a model calls.
@Suite struct FormTests {
    private let digit = """
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["n"],
         "additionalProperties": false}
        """

    /// Must call something, and soon.
    private let calling = Options {
        $0.sampling = .greedy
        $0.think = .off
        $0.mustCallTool = true
        $0.maxTokens = 400
    }

    @Test func an_answer_is_json_of_its_schema_and_the_reasoning_is_free() async throws {
        let schema = """
            {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"], "additionalProperties": false}
            """
        let options = Options {
            $0.sampling = .greedy
            $0.output = .jsonSchema(schema)
        }
        let answer = try await chat().respond(to: question, options)
        struct Sum: Decodable { let sum: Int }
        #expect(answer.finishReason == .stop && !answer.reasoning.isEmpty)
        _ = try JSONDecoder().decode(Sum.self, from: Data(answer.text.utf8))
    }

    @Test func a_form_that_is_none_is_refused_and_the_conversation_stands() async throws {
        let chat = try await chat()
        let forms: [(OutputForm, WheelworkError.Code)] = [
            (.jsonSchema("{"), .outputNotJson), (.jsonSchema("7"), .outputInvalid), (.lark("begin: \"a\""), .outputInvalid),
        ]
        for (form, code) in forms {
            _ = await failure(code) { _ = try await chat.ask(question, Options { $0.output = form }).all() }
        }
        _ = await failure(.toolsNothingToCall) {
            _ = try await chat.ask(question, Options { $0.mustCallTool = true }).all()
        }
        #expect(try await chat.messages().isEmpty)
    }

    @Test func a_toolbox_runs_what_the_model_calls_and_gives_it_the_result() async throws {
        let chat = try await chat()
        let asked = Locked<[String]>([])
        let toolbox = Toolbox(rounds: 1).with("count", "Counts to a digit.", parameters: digit) { arguments in
            asked.with { $0.append(arguments) }
            return "9"
        }
        let turns = Locked(0)
        let answer = try await chat.ask(question, using: toolbox, calling) { event in
            if case .started = event { turns.with { $0 += 1 } }
        }
        let called = asked.with { $0 }
        #expect(!called.isEmpty && answer.toolCalls.map(\.name) == called.map { _ in "count" })
        #expect(turns.with { $0 } == 2, "the second turn is offered nothing")
        let told = try await chat.messages().filter { $0.role == .tool }
        #expect(told.map(\.text) == called.map { _ in "9" })
    }

    @Test func arguments_that_make_no_sense_and_calls_of_nothing_are_told_to_the_model() async throws {
        let toolbox = Toolbox().with("count", "Counts.", parameters: digit) { _ in throw ToolArgumentsError("n is odd") }
        func said(_ name: String) async throws -> String {
            let json = "{\"event\": \"ToolCall\", \"index\": 0, \"name\": \"\(name)\", \"arguments\": \"{}\", \"known\": true}"
            guard case .toolCall(let call) = try JSONDecoder().decode(Event.self, from: Data(json.utf8)) else { return "" }
            return try await toolbox.run(call)
        }
        #expect(try await said("count") == "The arguments are wrong: n is odd")
        #expect(try await said("other") == "There is no tool `other`.")
        #expect(toolbox.with("count", "Again.", parameters: digit) { _ in "" }.tools.map(\.description) == ["Again."])
    }
}
