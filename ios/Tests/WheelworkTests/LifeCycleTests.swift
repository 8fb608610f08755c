import Foundation
import Testing

@testable import Wheelwork

/// What the system says, and what is done about it, without a system.
@Suite struct LifeCycleTests {
    private struct Told: SystemSignals {
        let told: [SystemSignal]
        func signals() -> AsyncStream<SystemSignal> {
            AsyncStream { continuation in
                told.forEach { continuation.yield($0) }
                continuation.finish()
            }
        }
    }

    private final class Noted: LifeCycleTarget {
        let actions = Locked<[LifeCycle.Action]>([])
        func perform(_ action: LifeCycle.Action) async { actions.with { $0.append(action) } }
    }

    private func actions(_ signals: [SystemSignal], goesOn: Bool = false) async -> [LifeCycle.Action] {
        let noted = Noted()
        await LifeCycle.run(Told(told: signals), goesOnInBackground: goesOn, on: noted)
        return noted.actions.with { $0 }
    }

    @Test func going_to_the_background_pauses_and_saves_before_anything_else() async {
        let background = Conditions(foreground: false)
        #expect(await actions([.background]) == [.hold, .pauseTurns, .save, .tell(background)])
        #expect(
            await actions([.background, .background, .foreground]) == [
                .hold, .pauseTurns, .save, .tell(background), .tell(Conditions()), .release, .resumeTurns,
            ])
        #expect(await actions([.background], goesOn: true) == [.tell(background)])
        #expect(await actions([.background, .foreground], goesOn: true).contains(.resumeTurns) == false)
    }

    @Test func short_memory_gives_everything_back_and_warmth_only_slows() async {
        #expect(await actions([.memoryWarning]) == [.pauseTurns, .save, .clearPrefixes, .close])
        #expect(await actions([.thermal(.serious)]) == [.tell(Conditions(thermal: .serious))])
        #expect(
            await actions([.lowPower(true), .thermal(.fair), .lowPower(false)]) == [
                .tell(Conditions(battery: .low)), .tell(Conditions(thermal: .fair, battery: .low)),
                .tell(Conditions(thermal: .fair)),
            ])
    }

    @Test func what_is_known_is_not_said_again() async {
        #expect(await actions([.foreground, .thermal(.nominal), .lowPower(false)]).isEmpty)
    }

    @Test func rt_09_a_real_turn_stops_in_the_background_and_goes_on_in_front() async throws {
        try await withFolder { folder in
            let engine = try await Engine.open(model)
            let undisturbed = try await engine.chat().ask(question, endless).all()
            let chat = try await engine.chat()
            try await chat.keep(in: folder.appendingPathComponent("session"))
            let resumed = Locked<[Event]>([])
            let keeper = EngineKeeper(engine) { chat in
                let events = (try? await chat.resume().all()) ?? []
                resumed.with { $0 = events }
            }
            await keeper.add(chat)
            var cycle = LifeCycle()
            var (deltas, events) = (0, [Event]())
            for try await event in chat.ask(question, endless) {
                events.append(event)
                if case .reasoningDelta = event { deltas += 1 }
                if deltas == 3 {
                    deltas += 1
                    for action in cycle.decide(.background).prefix(2) { await keeper.perform(action) }
                }
            }
            #expect(events.finished?.reason == .suspended)
            let refused = await failure(.inBackground) { _ = try await chat.ask(question).all() }
            #expect(refused?.kind == .retry)
            for action in cycle.decide(.foreground) { await keeper.perform(action) }
            #expect(resumed.with { $0 }.finished?.tokenIds == undisturbed.finished?.tokenIds)
            for action in cycle.decide(.memoryWarning) { await keeper.perform(action) }
            _ = await failure(.closed) { _ = try await engine.chat() }
        }
    }

    @Test func a_hot_device_slows_the_engine_and_its_turns_say_so() async throws {
        let (engine, chat) = (try await engine(), try await chat())
        var paces: [Pace] = []
        for try await event in chat.ask(question, endless) {
            if case .started = event { try await engine.setConditions(Conditions(thermal: .serious)) }
            if case .paceChanged(let pace) = event { paces.append(pace) }
        }
        #expect(paces == [.slow])
        #expect(try await engine.pace == .slow)
        try await engine.setConditions(Conditions())
        #expect(try await engine.pace == .full)
    }
}
