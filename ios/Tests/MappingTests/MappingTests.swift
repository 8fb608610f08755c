import Foundation
import Testing
import Wheelwork

@testable import FoundationModelsMapping

@Suite struct MappingTests {
    private struct Case: Decodable {
        let name: String
        let transcript: [TranscriptPart]
        let messages: [Row]
    }

    private struct Row: Decodable, Equatable {
        let role: ChatMessage.Role
        let text: String
        var calls: [String]?
    }

    private func cases() throws -> [Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/transcripts.json")
        return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
    }

    @Test func transcripts_become_messages() throws {
        for fixture in try cases() {
            let found = fixture.transcript.messages.map { message in
                let calls = message.toolCalls.map { "\($0.name) \($0.arguments)" }
                return Row(role: message.role, text: message.text, calls: calls.isEmpty ? nil : calls)
            }
            #expect(found == fixture.messages, "\(fixture.name)")
            let again = try JSONDecoder().decode([TranscriptPart].self, from: JSONEncoder().encode(fixture.transcript))
            #expect(again == fixture.transcript)
        }
    }

    @Test func a_conversation_that_begins_as_the_transcript_goes_on() throws {
        for fixture in try cases() {
            let wanted = fixture.transcript.messages
            for length in 0...wanted.count {
                let held = Array(wanted.prefix(length))
                #expect(Continuation(held: held, wanted: wanted) == .add(Array(wanted.dropFirst(length))))
            }
            #expect(Continuation(held: wanted, wanted: Array(wanted.dropLast())) == .beginAnew)
            #expect(Continuation(held: [.user("another")], wanted: wanted) == .beginAnew)
        }
        // The same character in other bytes is another prompt.
        #expect(Continuation(held: [.user("é")], wanted: [.user("e\u{301}")]) == .beginAnew)
    }

    @Test func requests_become_options() throws {
        func options(_ json: String) throws -> Options {
            try Options(JSONDecoder().decode(ModelRequest.self, from: Data(json.utf8)))
        }
        #expect(try options("{}") == Options())
        #expect(try options("{\"picking\": \"greedy\", \"temperature\": 0.7}").sampling == .greedy)
        let picked = try options("{\"picking\": \"topK\", \"topK\": 5, \"seed\": 7, \"temperature\": 0.5}").sampling
        #expect(picked == Sampling(temperature: 0.5, topK: 5, seed: 7))
        #expect(try options("{\"picking\": \"probability\", \"probability\": 0.9}").sampling == Sampling(topP: 0.9))
        let limited = try options("{\"maximumResponseTokens\": 100, \"reasoningLevel\": \"low\"}")
        #expect(limited.maxTokens == 612 && limited.think == .budget(tokens: 512))
        let none = try options("{\"maximumResponseTokens\": 100, \"reasoningLevel\": \"none\"}")
        #expect(none.maxTokens == 100 && none.think == .off)
        #expect(try options("{\"reasoningLevel\": \"high\"}").think == .auto)
    }

    @Test func schemas_lose_only_what_is_apples() throws {
        let schema = """
            {"title": "Trip", "type": "object", "x-order": ["x-order", "days"], "required": ["x-order", "days"],
             "additionalProperties": false, "properties": {"x-order": {"type": "string", "x-order": []},
             "days": {"$ref": "#/$defs/Days"}}, "$defs": {"Days": {"type": "integer", "enum": [1, 2]}}}
            """
        let expected = """
            {"title": "Trip", "type": "object", "required": ["x-order", "days"],
             "additionalProperties": false, "properties": {"x-order": {"type": "string"},
             "days": {"$ref": "#/$defs/Days"}}, "$defs": {"Days": {"type": "integer", "enum": [1, 2]}}}
            """
        let (found, wanted) = (
            try JSONSerialization.jsonObject(with: Data(plainSchema(schema).utf8)) as? NSDictionary,
            try JSONSerialization.jsonObject(with: Data(expected.utf8)) as? NSDictionary
        )
        #expect(found == wanted)
        var request = ModelRequest()
        request.schema = "{"
        #expect(throws: (any Error).self) { try Options(request) }
    }

    @Test func events_become_actions_of_the_channel() throws {
        #expect(ChannelAction(.reasoningDelta(text: "a")) == .reasoning("a"))
        #expect(ChannelAction(.answerDelta(text: "b")) == .response("b"))
        #expect(ChannelAction(.paceChanged(.slow)) == nil)
        let json = """
            {"event": "ToolCall", "index": 1, "name": "weather", "arguments": "{}", "known": KNOWN}
            """
        func call(_ known: String) throws -> ChannelAction? {
            let text = json.replacingOccurrences(of: "KNOWN", with: known)
            return ChannelAction(try JSONDecoder().decode(Event.self, from: Data(text.utf8)))
        }
        #expect(try call("true") == .toolCall(.init(id: "call-1", name: "weather", arguments: "{}")))
        #expect(try call("false") == nil, "a tool that was not offered is not run")
        let usage = """
            {"prompt_tokens": 9, "reused_tokens": 4, "completion_tokens": 7, "reasoning_tokens": 5, "drafted_tokens": 0,
             "accepted_tokens": 0}
            """
        let tokens = TokenUsage(try JSONDecoder().decode(Usage.self, from: Data(usage.utf8)))
        let counts: [Int] = [tokens.input, tokens.cachedInput, tokens.output, tokens.reasoning]
        #expect(counts == [9, 4, 7, 5])
    }
}
