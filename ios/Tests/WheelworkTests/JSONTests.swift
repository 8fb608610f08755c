import Foundation
import Testing

@testable import Wheelwork

/// Events are, as JSON, what the command prints.
@Suite struct JSONTests {
    @Test func events_are_the_commands_lines_there_and_back() async throws {
        let lines = try command("chat", "--json", "--model", model.path, "--temperature", "0", question)
        #expect(lines.count > 5)
        let events = try lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
        for (line, event) in zip(lines, events) {
            let again = try object(try JSONEncoder().encode(event))
            #expect(same(again, try object(Data(line.utf8))), "\(line) became \(again)")
        }
        // A turn of ours is told in the same words.
        let ours = try await chat().ask(question, greedy).all()
        #expect(ours.answer == events.answer && ours.reasoning == events.reasoning)
        #expect(ours.finished?.tokenIds == events.finished?.tokenIds)
        #expect(ours.finished?.usage == events.finished?.usage)
        let (mine, theirs) = (try #require(ours.started), try #require(events.started))
        func told(_ placement: Placement) throws -> Any {
            var fields = try #require(try object(try JSONEncoder().encode(placement)) as? [String: Any])
            // The command has a folder for prepared forms, and this engine has none.
            #expect(fields.removeValue(forKey: "prepared") != nil)
            return fields
        }
        #expect(same(try told(mine.placement), try told(theirs.placement)), "\(mine.placement)")
    }

    @Test func every_kind_of_event_comes_back_from_json() throws {
        let finished = Event.Finished(
            reason: .contextFull,
            usage: Usage(
                promptTokens: 1, reusedTokens: 2, completionTokens: 3, reasoningTokens: 4, draftedTokens: 5,
                acceptedTokens: 6),
            timings: Timings(
                prefill: .milliseconds(1), firstToken: .milliseconds(2), decode: .milliseconds(3),
                total: .milliseconds(4), prefillTokensPerSecond: 5.5, decodeTokensPerSecond: 6.5),
            tokenIds: [1, 2])
        let placement = Placement(
            device: .npu, provider: "QNNExecutionProvider", kernels: .avx512VNNI, simulator: true, variant: "npu",
            threads: 2, kvCache: .int8, prepared: .notMadeHere, notPrepared: nil,
            graphs: [.init(graph: "a.onnx", weightBytes: 7, shares: [.init(provider: "x", nodes: 1, operators: ["y"])])],
            selfCheck: .passed(relativeRMS: 0.25),
            notUsed: [.init(provider: "z", device: .gpu, reason: .noDevice, words: nil, detail: "none")])
        let started = Event.Started(
            placement: placement, promptTokens: 1, reusedTokens: 2, prefixTokens: 3, resumedTokens: 4,
            reasoning: .leftToModel)
        let events: [Event] = [
            .started(started), .turnsDropped(messages: 1, tokens: 2), .reasoningDelta(text: "a\u{0}🦀"),
            .reasoningEnded(tokens: 1, elapsed: .milliseconds(5), cause: .answerNow),
            .answerWasReasoning(tokens: 1, elapsed: .milliseconds(5)), .temperatureRaised(to: 0.5, period: 3),
            .deviceChanged(placement), .paceChanged(.minimal), .answerDelta(text: "b"),
            .toolCall(.init(index: 0, name: "add", arguments: "{}", known: true)), .toolCallRejected(.notJSON),
            .finished(finished),
        ]
        for event in events {
            let json = try JSONEncoder().encode(event)
            #expect(try JSONDecoder().decode(Event.self, from: json) == event)
        }
    }

    @Test func what_is_no_event_is_refused() {
        for text in ["{}", "[]", "{\"event\": \"Unknown\"}", "{\"event\": \"AnswerDelta\"}"] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode(Event.self, from: Data(text.utf8))
            }
        }
    }

    private func command(_ arguments: String...) throws -> [String] {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: variable("WHEELWORK_COMMAND"))
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func object(_ json: Data) throws -> Any {
        try JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed)
    }

    /// The same but for the last digits of numbers: times are durations in between.
    private func same(_ left: Any, _ right: Any) -> Bool {
        switch (left, right) {
        case (let left as [String: Any], let right as [String: Any]):
            left.keys.count == right.keys.count
                && left.allSatisfy { key, value in right[key].map { same(value, $0) } ?? false }
        case (let left as [Any], let right as [Any]):
            left.count == right.count && zip(left, right).allSatisfy { same($0, $1) }
        case (let left as NSNumber, let right as NSNumber):
            abs(left.doubleValue - right.doubleValue) <= 1e-9 * max(1, abs(left.doubleValue))
        case (let left as String, let right as String): left.utf8.elementsEqual(right.utf8)
        default: false
        }
    }
}
