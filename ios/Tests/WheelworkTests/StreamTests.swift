import Foundation
import Testing
import WheelworkFFI

@testable import Wheelwork

@Suite struct StreamTests {
    @Test func breaking_out_ends_the_turn_within_a_token() async throws {
        let (engine, probe) = (try await engine(), try Probe())
        let chat = try await probe.chat(on: try await Wheelwork.Engine.open(model))
        _ = engine
        var deltas = 0
        for try await event in chat.ask(question, endless) {
            if case .reasoningDelta = event { deltas += 1 }
            if deltas == 3 { break }
        }
        // Waits for the turn's end.
        try await eventually { (try? await chat.messages()) != nil }
        let computed = probe.decodedTokens()
        try await Task.sleep(for: .milliseconds(100))
        #expect(probe.decodedTokens() == computed)
        #expect(computed < 200)
    }

    @Test func bd_06_a_cancelled_task_stops_its_turn_and_is_told_so() async throws {
        let (engine, probe) = (try await engine(), try Probe())
        let chat = try await probe.chat(on: engine)
        let (begun, beginning) = AsyncStream<Void>.makeStream()
        let turn = Task {
            var events: [Wheelwork.Event] = []
            for try await event in chat.ask(question, endless) {
                events.append(event)
                if case .reasoningDelta = event { beginning.yield() }
            }
            return events
        }
        for await _ in begun { break }
        turn.cancel()
        let events = try await turn.value
        #expect(events.finished?.reason == .cancelled)
        let computed = probe.decodedTokens()
        try await Task.sleep(for: .milliseconds(100))
        #expect(probe.decodedTokens() == computed)
        #expect(try await chat.ask(question, greedy).all().answer.contains("734"))
    }

    @Test func a_slow_loop_holds_its_turn_up() async throws {
        let (engine, probe) = (try await engine(), try Probe())
        let chat = try await probe.chat(on: engine)
        var turn = chat.ask(question, endless).makeAsyncIterator()
        for _ in 0..<3 { _ = try await turn.next() }
        try await Task.sleep(for: .milliseconds(500))
        let computed = probe.decodedTokens()
        try await Task.sleep(for: .milliseconds(300))
        #expect(probe.decodedTokens() == computed, "it goes on without a reader")
        #expect(computed < 150, "\(computed) tokens were computed ahead")
        var events = 3
        while try await turn.next() != nil { events += 1 }
        #expect(events > 150)
    }

    @Test func the_end_of_a_turn_is_not_waited_for() async throws {
        var turn = try await chat().ask(question, greedy)
        turn.betweenLooks = .seconds(3600)
        #expect(try await turn.all().finished?.reason == .stop)
        // Nor is a cancel.
        let chat = try await chat()
        let (begun, beginning) = AsyncStream<Void>.makeStream()
        let reading = Task {
            var turn = chat.ask(question, endless)
            turn.betweenLooks = .seconds(3600)
            var events: [Wheelwork.Event] = []
            for try await event in turn {
                events.append(event)
                beginning.yield()
            }
            return events
        }
        for await _ in begun { break }
        reading.cancel()
        #expect(try await reading.value.finished?.reason == .cancelled)
    }

    @Test func a_second_reader_of_a_turn_is_refused() async throws {
        let turn = try await chat().ask(question, greedy)
        let first = try await turn.all()
        #expect(first.finished?.reason == .stop)
        _ = await failure(.busy) { _ = try await turn.all() }
    }

    @Test func a_turn_costs_nothing_until_it_is_read() async throws {
        let chat = try await chat()
        _ = chat.ask(question, greedy)
        _ = chat.ask(question, greedy).makeAsyncIterator()
        #expect(try await chat.messages().isEmpty)
        #expect(try await chat.ask(question, greedy).all().finished?.reason == .stop)
    }

    @Test func a_state_holds_all_that_the_events_said() async throws {
        var state = TurnState()
        var phases: [TurnState.Phase] = [state.phase]
        let events = try await chat().ask(question, greedy).all()
        for event in events {
            state.add(event)
            phases.append(state.phase)
        }
        #expect(phases == phases.sorted())
        #expect(state.answer == events.answer && state.reasoning == events.reasoning)
        #expect(state.finished == events.finished && state.failure == nil)
        #expect(state.placement?.device == .cpu)
    }

    @Test @MainActor func a_model_for_a_view_reads_on_the_main_actor() async throws {
        let turn = TurnModel()
        await turn.run(try await chat().ask(question, greedy))
        #expect(turn.state.phase == .finished && turn.state.answer.contains("734"))
        await turn.run(try await chat().ask(question, Wheelwork.Options { $0.sampling.temperature = -1 }))
        #expect(turn.state.phase == .failed && turn.state.failure?.code == .samplingOutOfRange)
    }

    @Test func bd_06_opening_tells_its_steps_and_can_be_cancelled() async throws {
        let steps = Locked<[Wheelwork.OpenStep]>([])
        let engine = try await Wheelwork.Engine.open(model) { step in steps.with { $0.append(step) } }
        #expect(steps.with { $0.first } == .describe)
        #expect(steps.with { $0.last } == .load(provider: "CPUExecutionProvider", device: .cpu))
        #expect(try await engine.reasons)
        #expect(try await engine.contextLength > 100)
        await engine.closeAndWait()
        let opening = Task { try await Wheelwork.Engine.open(model) }
        opening.cancel()
        _ = await failure(.openCancelled) { _ = try await opening.value }
    }
}
