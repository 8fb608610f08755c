import XCTest

@testable import Wheelwork

/// A turn as an app reads it, by the older test framework.
final class StreamXCTests: XCTestCase {
    func test_each_event_of_a_turn_comes_once_and_in_order() async throws {
        let events = try await chat().ask(question, greedy).all()
        XCTAssertEqual(events.started?.placement.device, .cpu)
        XCTAssertFalse(events.reasoning.isEmpty)
        XCTAssertTrue(events.answer.contains("734"), events.answer)
        XCTAssertEqual(events.finished?.reason, .stop)
        let order = events.map { event in
            switch event {
            case .started: 0
            case .reasoningDelta: 1
            case .reasoningEnded: 2
            case .answerDelta: 3
            case .finished: 4
            default: 9
            }
        }
        XCTAssertEqual(order, order.sorted())
        XCTAssertEqual(order.filter { [0, 2, 4].contains($0) }, [0, 2, 4])
    }

    func test_the_whole_answer_is_what_the_events_say() async throws {
        let answer = try await chat().respond(to: question, greedy)
        let events = try await chat().ask(question, greedy).all()
        XCTAssertEqual(answer.text, events.answer)
        XCTAssertEqual(answer.reasoning, events.reasoning)
        XCTAssertEqual(answer.usage, events.finished?.usage)
        XCTAssertEqual(answer.finishReason, .stop)
    }

    func test_an_error_says_what_to_do_in_the_manner_of_the_system() async throws {
        do {
            _ = try await Engine.open(URL(fileURLWithPath: "no-such-model"))
            XCTFail("it opened")
        } catch {
            XCTAssertTrue(error.localizedDescription.contains("no-such-model"), error.localizedDescription)
            XCTAssertEqual(error.recoverySuggestion, error.remedy)
            XCTAssertTrue([.retry, .reinstall].contains(error.kind))
        }
    }
}
